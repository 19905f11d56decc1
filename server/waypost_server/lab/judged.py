"""What the router made of labelled queries."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.labelled import OUT_OF_SCOPE, LabelledQuery
from waypost_server.core.outcome import Outcome
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.ranking import NearestExemplar
from waypost_server.core.router import Router


class Decider(Protocol):
    """Decides as a server does: its engine, as seen from here."""

    @property
    def router(self) -> Router:
        """What decides where an encoding is needed."""

    def decide(self, text: str) -> Decision:
        """The decision about a text; may raise EncoderError."""

    def with_router(self, router: Router) -> Self:
        """The same with another scoring, or other bars in its taxonomy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A labelled query and the decision about it.

    A query that becomes a plan has gone where its contract says, which is to the route of the first
    step; what it is taken for is the best candidate of the whole, as of any other.

    Attributes:
        query: the query.
        outcome: what was decided.
        route: where it went.
        best: the best candidate's route, or the one that a rule chose; empty when there was none.
        confidence: that `best` is right, in [0, 1]; 1 where a rule chose it, which no bar stops.
        nearest: exemplar of `best` nearest to it; None when there was no candidate.
        nearest_right: exemplar of the label's route nearest to it; None when it has none.
        by_rule: whether a rule chose `best`.
        plan: the routes of its steps, in order; empty where there is no plan.
    """

    query: LabelledQuery
    outcome: Outcome
    route: str
    best: str
    confidence: float
    nearest: NearestExemplar | None
    nearest_right: NearestExemplar | None
    by_rule: bool = False
    plan: tuple[str, ...] = ()

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
    queries: Sequence[LabelledQuery], encodings: Encodings, decider: Decider
) -> tuple[Judged, ...]:
    """What becomes of each query in a server that decides so.

    Args:
        queries: the queries.
        encodings: of the queries, shape (n, width), to say what is near them.
        decider: decides.
    """
    router = decider.router
    return tuple(
        _judged(query, decider.decide(query.text), _nearest_of(query.label, encoding, router))
        for query, encoding in zip(queries, encodings, strict=True)
    )


def _judged(
    query: LabelledQuery, decision: Decision, nearest_right: NearestExemplar | None
) -> Judged:
    best = decision.candidates[0] if decision.candidates else None
    ruled = best is None and decision.outcome is Outcome.MATCHED
    return Judged(
        query=query,
        outcome=decision.outcome,
        route=decision.route.name,
        best=best.route if best else decision.route.name if ruled else "",
        confidence=best.confidence if best else float(ruled),
        nearest=best.nearest[0] if best else None,
        nearest_right=nearest_right,
        by_rule=ruled,
        plan=tuple(step.route.name for step in decision.plan),
    )


def _nearest_of(route: str, encoding: Encodings, router: Router) -> NearestExemplar | None:
    exemplars, index = router.exemplars, router.index
    if route not in exemplars.counts:
        return None
    rows = exemplars.rows_of(exemplars.positions[route])
    similarities = index.rows(rows) @ encoding[: index.dimension]
    row = int(similarities.argmax())
    return NearestExemplar(exemplars.texts[rows.start + row], float(similarities[row]))
