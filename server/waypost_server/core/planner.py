"""Makes a plan of a query that asks several routes, and leaves every other query whole.

Each way to take a query apart is judged by how near its parts are to exemplars, and compared with
how near the whole is: a request is nearest to exemplars when nothing stands beside it and nothing
is missing. Confidence tells less, for the whole of a mixture is mostly sure of one of its routes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from waypost_server.core.changed import changed
from waypost_server.core.decision import BEST_LEFT_OUT, Decision, PlanStep, decide_by_plan
from waypost_server.core.dependencies import dependencies
from waypost_server.core.outcome import Outcome
from waypost_server.core.parts import Part, Splitter
from waypost_server.core.plans import Plans
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router

SURE = 0.5
"""Least confidence of a step that stands between clear boundaries: right more often than not, since
a part lacks the context that the rest of the query gives it. With 0.75 up to three mixtures in a
hundred are lost on validation (CLINC150 of 10 exemplars a route, BANKING77), and no fewer single
requests are split."""

SURE_AT_WEAK = 0.85
"""The same beside an "and" or a comma, which stand within one request as often: with 0.75 CLINC150
of 10 exemplars a route splits 1 in 1,000 single requests more."""

CLEAR = 0.05
"""Of similarity, what a clear boundary counts for: with nothing, 2 in 100 mixtures are lost on
CLINC150's validation; with 0.1, 3 in 1,000 single requests more are split on BANKING77's."""

ROUNDING = 1e-5
"""By which a cosine differs that was computed together with others."""

EncodingsOf = Callable[[Sequence[str]], Sequence[Encodings]]
"""Encodings of texts, each of shape (width,); may raise whatever says that there are none."""

_Stretch = tuple[int, int]
"""From the first part to the last, exclusive."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A stretch of the query, decided as if it were all of it; `sure` if it may be a step."""

    part: Part
    text: str
    decision: Decision
    sure: bool

    @property
    def route(self) -> str:
        return self.decision.candidates[0].route

    @property
    def similarity(self) -> float:
        return self.decision.candidates[0].similarity


class Planner:
    """Plans by what one taxonomy says; immutable and thread-safe."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._splitter = Splitter(plans.connectives)

    def parts(self, query: Query) -> tuple[Part, ...]:
        """What a query may be taken apart into; empty where it is taken whole for certain.

        One that specialists rejected is: whoever rejects it is asked one thing.
        """
        return () if query.rejected_routes else self._splitter.parts(query.text)

    def decide(
        self,
        query: Query,
        parts: Sequence[Part],
        whole: Decision,
        router: Router,
        encodings_of: EncodingsOf,
    ) -> Decision:
        """The decision to run a plan, or `whole` as it is.

        Args:
            query: the query.
            parts: of it, at least two.
            whole: the decision about all of it.
            router: decides about parts.
            encodings_of: asked for the parts' encodings, and then, unless it is clear by now that
                there is no plan, for those of longer stretches.
        """
        if not whole.candidates:
            return whole
        judge = _Judge(query, parts, router, encodings_of, self._plans.min_similarity)
        alone = [(i, i + 1) for i in range(len(parts))]
        if judge.most_sure(alone) < 2:
            return whole
        single = judge.requests(alone)
        if len({one.route for one in single.values() if one.sure}) < 2:
            return whole
        longer = judge.requests(
            [
                (i, j)
                for i in range(len(parts))
                for j in range(i + 2, len(parts) + 1)
                if j - i < len(parts)
            ]
        )
        steps = self._best(parts, {**single, **longer}, whole.candidates[0].similarity)
        return (
            decide_by_plan(_steps(steps, router), whole, query, router.catalog) if steps else whole
        )

    def _best(
        self, parts: Sequence[Part], requests: Mapping[_Stretch, _Request], whole: float
    ) -> Sequence[_Request]:
        """The requests that explain the query best; none where the whole of it does."""
        lengths = [part.end - part.start for part in parts]
        best: Sequence[_Request] = ()
        highest = whole
        for stretches in _ways(len(parts), self._plans.max_steps):
            steps = [requests[stretch] for stretch in stretches]
            if not all(step.sure for step in steps) or any(
                one.route == next_.route for one, next_ in pairwise(steps)
            ):
                continue
            shares = [sum(lengths[i:j]) / sum(lengths) for i, j in stretches]
            value = sum(s * step.similarity for s, step in zip(shares, steps, strict=True))
            value += CLEAR * sum(step.part.strong for step in steps[1:])
            if value > highest:
                highest, best = value, steps
        return best


class _Judge:
    """Decides about stretches of one query."""

    def __init__(
        self,
        query: Query,
        parts: Sequence[Part],
        router: Router,
        encodings_of: EncodingsOf,
        min_similarity: float,
    ) -> None:
        self._query = query
        self._parts = parts
        self._router = router
        self._encodings_of = encodings_of
        self._encoded: dict[_Stretch, Encodings] = {}
        self._min_similarity = min_similarity

    def most_sure(self, stretches: Sequence[_Stretch]) -> int:
        """How many may be sure at most: a look at their nearest exemplars alone.

        Of ordinary queries with several parts nine in ten need no other look, and to decide about
        each part would cost as much as everything else about the query.
        """
        nearest = self._router.nearest(self._encodings(stretches))
        if nearest is None:
            return len(stretches)
        least = self._min_similarity - ROUNDING
        return sum(cosine >= least for cosine in nearest)

    def requests(self, stretches: Sequence[_Stretch]) -> dict[_Stretch, _Request]:
        """Each stretch as a request."""
        encodings = self._encodings(stretches)
        # What speaks for a route was found in the whole query, or in those before it.
        clues = changed(
            self._query.clues, boosts={}, boosted_by_rules=frozenset(), previous=None, reasons=()
        )
        alike = changed(self._query, max_candidates=1, explain=False, clues=clues)
        return {
            stretch: self._request(stretch, encoding, alike)
            for stretch, encoding in zip(stretches, encodings, strict=True)
        }

    def _encodings(self, stretches: Sequence[_Stretch]) -> Sequence[Encodings]:
        missing = [stretch for stretch in stretches if stretch not in self._encoded]
        if missing:
            made = self._encodings_of([self._part(each).of(self._query.text) for each in missing])
            self._encoded.update(zip(missing, made, strict=True))
        return [self._encoded[stretch] for stretch in stretches]

    def _part(self, stretch: _Stretch) -> Part:
        first, end = stretch
        part = self._parts[first]
        return part if end == first + 1 else part.to(self._parts[end - 1])

    def _request(self, stretch: _Stretch, encoding: Encodings, alike: Query) -> _Request:
        part = self._part(stretch)
        text = part.of(self._query.text)
        query = changed(alike, text=text)
        decision = self._router.decide(encoding, self._router.search(encoding), query)
        return _Request(part, text, decision, self._is_sure(stretch, decision))

    def _is_sure(self, stretch: _Stretch, decision: Decision) -> bool:
        if not decision.candidates or decision.outcome is Outcome.OUT_OF_SCOPE:
            return False
        best = decision.candidates[0]
        first, end = stretch
        clear = all(self._parts[i].strong for i in (first, end) if 0 < i < len(self._parts))
        by_hand = self._router.catalog.routes[best.route].threshold is not None
        return (
            best.confidence >= (SURE if clear else SURE_AT_WEAK)
            and best.similarity >= self._min_similarity
            and (best.reaches_threshold or not by_hand)
            and BEST_LEFT_OUT.isdisjoint(decision.reasons)
        )


def _ways(count: int, most: int) -> Iterator[Sequence[_Stretch]]:
    """Every way to join so many parts to 2 to `most` stretches."""
    for cuts in range(1, 1 << (count - 1)):
        if cuts.bit_count() < most:
            ends = [0, *(i + 1 for i in range(count - 1) if cuts >> i & 1), count]
            yield list(pairwise(ends))


def _steps(requests: Sequence[_Request], router: Router) -> tuple[PlanStep, ...]:
    waits = dependencies([one.text for one in requests], [one.part.follows for one in requests])
    return tuple(
        PlanStep(
            route=router.catalog.routes[one.route],
            text=one.text,
            depends_on=waits_for,
            confidence=one.decision.candidates[0].confidence,
        )
        for one, waits_for in zip(requests, waits, strict=True)
    )
