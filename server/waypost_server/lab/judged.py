"""What the router made of labelled queries."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from waypost_server.core.errors import EncoderError
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.labelled import OUT_OF_SCOPE, LabelledQuery
from waypost_server.core.outcome import Outcome
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.ranking import NearestExemplar
from waypost_server.core.router import Router


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A labelled query and the decision about it.

    Attributes:
        query: the query.
        outcome: what was decided.
        route: where it went.
        best: the best candidate's route; empty when there was no candidate.
        confidence: that `best` is right, in [0, 1].
        nearest: exemplar of `best` nearest to it; None when there was no candidate.
        nearest_right: exemplar of the label's route nearest to it; None when it has none.
    """

    query: LabelledQuery
    outcome: Outcome
    route: str
    best: str
    confidence: float
    nearest: NearestExemplar | None
    nearest_right: NearestExemplar | None

    @property
    def called(self) -> str:
        """What the query was taken for: the best candidate, or out of scope."""
        return OUT_OF_SCOPE if self.outcome is Outcome.OUT_OF_SCOPE else self.best

    @property
    def arrived(self) -> bool:
        """Whether it went to its label's route."""
        return self.route == self.query.label

    @property
    def is_right(self) -> bool:
        """Whether it was taken for what its label says."""
        return self.called == self.query.label


def encode_queries(
    queries: Sequence[LabelledQuery],
    encoder: Encoder,
    *,
    threads: int,
    progress: Callable[[int, int], None],
) -> Encodings:
    """Encodings of shape (n, width), each made on its own as in serving.

    Args:
        queries: what to encode, at least one.
        encoder: makes the encodings.
        threads: texts encoded side by side.
        progress: called with how many are encoded and how many there are.

    Raises:
        EncoderError: an encoding is not finite.
    """
    encodings: list[Encodings] = []
    with ThreadPoolExecutor(threads) as pool:
        for encoding in pool.map(lambda query: encoder.encode([query.text])[0], queries):
            if not np.isfinite(encoding).all():
                raise EncoderError(
                    f"{queries[len(encodings)].source}: encoder {encoder.name!r} makes no finite "
                    "encoding of it; change the query or export the encoder again"
                )
            encodings.append(encoding)
            progress(len(encodings), len(queries))
    return np.stack(encodings)


def judge(
    queries: Sequence[LabelledQuery],
    encodings: Encodings,
    router: Router,
    first: FirstStage | None = None,
) -> tuple[Judged, ...]:
    """Decides about each query as a server with these routes would.

    Args:
        queries: the queries.
        encodings: of the queries, shape (n, width).
        router: decides.
        first: decides before it, if there are two stages.
    """
    judged = []
    for query, encoding in zip(queries, encodings, strict=True):
        asked = Query(text=query.text)
        decision = first.decide(first.encoder.encode([query.text])[0], asked) if first else None
        decision = decision or router.decide(encoding, router.search(encoding), asked)
        best = decision.candidates[0] if decision.candidates else None
        judged.append(
            Judged(
                query=query,
                outcome=decision.outcome,
                route=decision.route.name,
                best=best.route if best else "",
                confidence=best.confidence if best else 0.0,
                nearest=best.nearest[0] if best else None,
                nearest_right=_nearest_of(query.label, encoding, router),
            )
        )
    return tuple(judged)


def _nearest_of(route: str, encoding: Encodings, router: Router) -> NearestExemplar | None:
    exemplars, index = router.exemplars, router.index
    if route not in exemplars.counts:
        return None
    rows = exemplars.rows_of(exemplars.positions[route])
    similarities = index.rows(rows) @ encoding[: index.dimension]
    row = int(similarities.argmax())
    return NearestExemplar(exemplars.texts[rows.start + row], float(similarities[row]))
