"""Hints of a query, by the vote of exemplars near it whose hints are known.

A route's own hints are the same for every query. Where exemplars are marked, those that are
nearest to a query vote about each hint, weighted by similarity. Whether their vote is better than
the route's own hint, and how clear it has to be, is seen on the marked exemplars themselves: each
is left out once, and the others vote about it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.decision import Decision
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import ExemplarIndex
from waypost_server.core.query import Query
from waypost_server.core.router import VOTERS

FEWEST_VOTES = 3
"""Of them, those that must be marked for a vote to count."""

FEWEST_MARKS = 20
"""Marked exemplars of a route below which they show nothing."""

LOOKED_AT = 1_000
"""Marked exemplars of a route that are left out, one by one."""

BARS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the votes that may be asked for."""

KINDS = ("needs_retrieval", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class Ballot:
    """Marked exemplars of a route that may vote about one kind of hint.

    Attributes:
        marks: the hint of each, by its row in the table.
        bar: least share of the votes, in [0, 1].
    """

    marks: Mapping[int, Any]
    bar: float

    def winner(self, near: Iterable[tuple[int, float]]) -> Any:  # noqa: ANN401  (any hint's value)
        """What rows with cosines, the nearest, vote for; None if that is not clear enough."""
        votes: dict[Any, float] = defaultdict(float)
        count = 0
        for row, cosine in near:
            mark = self.marks.get(row)
            if mark is not None:
                votes[mark] += max(cosine, 0.0)
                count += 1
        if count < FEWEST_VOTES:
            return None
        best = max(votes, key=lambda value: votes[value])
        return best if 0 < votes[best] >= self.bar * sum(votes.values()) else None


class HintStage:
    """Gives decisions the hints that exemplars vote for; thread-safe."""

    def __init__(self, catalog: Catalog, exemplars: ExemplarTable, index: ExemplarIndex) -> None:
        """Fits the bars of each route that has marked exemplars; a few milliseconds each."""
        self.ballots: dict[str, dict[str, Ballot]] = {}
        for name, route in catalog.routes.items():
            if route.marks and name in exemplars.positions:
                self.ballots[name] = _ballots(route, exemplars, index)

    def __call__(self, query: Query, decision: Decision) -> Decision:
        """The decision, with its own hints where a vote is clear."""
        ballots, best = self.ballots.get(decision.route.name), decision.candidates[:1]
        if not ballots or not best or best[0].route != decision.route.name:
            return decision
        found = {kind: ballot.winner(best[0].near) for kind, ballot in ballots.items()}
        voted = {kind: value for kind, value in found.items() if value is not None}
        if not voted:
            return decision
        return replace(decision, hints=replace(decision.hints or decision.route.hints, **voted))


def _ballots(route: Route, exemplars: ExemplarTable, index: ExemplarIndex) -> dict[str, Ballot]:
    rows = exemplars.rows_of(exemplars.positions[route.name])
    vectors = index.rows(rows)
    of_row = [route.marks.get(exemplars.texts[row]) for row in range(rows.start, rows.stop)]
    near: dict[int, list[tuple[int, float]]] = {}
    for place in [place for place, mark in enumerate(of_row) if mark][:LOOKED_AT]:
        cosines = vectors @ vectors[place]
        cosines[place] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[: min(VOTERS, len(cosines) - 1)]
        near[place] = [(int(one), float(cosines[one])) for one in nearest]
    ballots = {}
    for kind in KINDS:
        marks = {
            place: value
            for place, mark in enumerate(of_row)
            if mark and (value := getattr(mark, kind)) is not None
        }
        bar = _bar(marks, near, getattr(route.hints, kind))
        if bar is not None:
            by_row = {rows.start + place: value for place, value in marks.items()}
            ballots[kind] = Ballot(by_row, bar)
    return ballots


def _bar(
    marks: Mapping[int, Any],
    near: Mapping[int, list[tuple[int, float]]],
    own: Any,  # noqa: ANN401  (as above)
) -> float | None:
    """The bar that makes most hints right, of equal ones the highest; None to trust no vote.

    At any of them a vote must be right more often than not, and all together more often than the
    route's own hint.
    """
    if len(marks) < FEWEST_MARKS:
        return None
    asked = [place for place in marks if place in near]
    best, most = None, sum(marks[place] == own for place in asked)
    for bar in BARS:
        ballot = Ballot(marks, bar)
        votes = {place: ballot.winner(near[place]) for place in asked}
        right = [vote == marks[place] for place, vote in votes.items() if vote is not None]
        hits = sum(right) + sum(
            own == marks[place] for place, vote in votes.items() if vote is None
        )
        better = hits > most or (best is not None and hits == most)
        if better and 2 * sum(right) > len(right):
            best, most = bar, hits
    return best
