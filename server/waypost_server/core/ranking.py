"""The routes that come nearest to a query, with the confidence that each is right.

One query is ranked in plain Python: it looks at some eighty numbers, and each call into numpy would
cost as much as ten of them. `score_routes` and `gather_evidence` say the same of many queries.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.comparing import Compared, Comparing, by_route, mean_of_largest
from waypost_server.core.evidence import NO_RIVAL, OUTSIDE_WEIGHT
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.hierarchy import NO_GROUPS, Beams, Tree
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours
from waypost_server.core.scoring import Scoring
from waypost_server.core.shortlist import Shortlist

NO_BOOSTS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NearestExemplar:
    """An exemplar near the query, and its cosine in [-1, 1]."""

    text: str
    similarity: float


@dataclass(frozen=True, kw_only=True)  # without slots, for `changed`
class Candidate:
    """A route that was considered.

    Attributes:
        route: its name.
        score: what candidates are ranked by; comparable within one query only.
        confidence: probability in [0, 1] that it is the right route.
        similarity: cosine of the query and the route's nearest exemplar.
        threshold: what similarity has to reach.
        nearest: the route's nearest exemplars, nearest first; at least one, more if asked for.
        near: rows and cosines of its nearest exemplars, nearest first; of the best candidate, if
            asked for.
    """

    route: str
    score: float
    confidence: float
    similarity: float
    threshold: float
    nearest: tuple[NearestExemplar, ...]
    near: tuple[tuple[int, float], ...] = ()

    @property
    def reaches_threshold(self) -> bool:
        """Whether the query is near enough to this route."""
        return self.similarity >= self.threshold


@dataclass(frozen=True)  # without slots, for `changed`
class Ranking:
    """The routes that came nearest.

    Attributes:
        candidates: best first.
        scope_probability: that the query belongs to any route, in [0, 1].
        calibrated: whether confidences are probabilities.
        left_out: the best route of all, where it may not be a candidate; else empty.
        swayed: routes with a boost that is part of the decision: with it or without it they are
            one of the two best, by whose scores confidence goes.
        groups: probability in [0, 1] of each group of a route that came near, by name; none where
            routes are decided as one list.
    """

    candidates: tuple[Candidate, ...]
    scope_probability: float
    calibrated: bool
    left_out: str = ""
    swayed: frozenset[str] = frozenset()
    groups: Mapping[str, float] = field(default_factory=lambda: NO_GROUPS)


class _Sureness(NamedTuple):
    """How likely each of some routes is right.

    Attributes:
        best: the route that leads.
        scope: that the query belongs to any route, in [0, 1].
        confidence: of the best.
        left: what it leaves to a route of the same score.
    """

    best: Compared
    scope: float
    confidence: float
    left: float

    def of(self, one: Compared) -> float:
        """A route's probability."""
        if one is self.best:
            return self.confidence
        return self.left * math.exp(one.score - self.best.score)

    def at_most_of_best(self, one: Compared) -> float:
        """Likewise, but never more than the best's, even if the calibration doubts that."""
        if one is self.best:
            return self.confidence
        return min(self.left * math.exp(min(one.score - self.best.score, 0.0)), self.confidence)


@dataclass(frozen=True, slots=True)
class Ranker:
    """Ranks the routes of one version; thread-safe.

    Attributes:
        scoring: what was fitted.
        exemplars: the table.
        index: the exemplars' vectors, row for row.
        tree: of the routes, which come first where their groups do; None for one list.
    """

    scoring: Scoring
    exemplars: ExemplarTable
    index: ExemplarIndex
    tree: Tree | None = None

    def rank(
        self,
        unit: Encodings,
        shortlist: Shortlist,
        neighbours: Neighbours,
        *,
        choosable: Collection[str] | None = None,
        count: int,
        shown: int = 1,
        boosts: Mapping[str, float] = NO_BOOSTS,
        also: str = "",
        voters: int = 0,
    ) -> Ranking:
        """The best routes for one query.

        Args:
            unit: the query's unit vector, shape (dimension,).
            shortlist: what the head says of it.
            neighbours: exemplars of any route that are near; those of small routes need not be
                named.
            choosable: routes that may be candidates; None for all. The others still speak: to
                forbid the right route makes no other right.
            count: candidates to return, at least 2 of them if there are so many.
            shown: exemplars to name of each.
            boosts: logits that speak for a route, or against it, by name. The confidence follows,
                as the odds of a calibrated score do when something independent of it speaks as
                well.
            also: a route that is a candidate whatever its place, if it may be one; empty for none.
            voters: nearest exemplars of the best candidate whose rows are given.
        """
        if not shortlist.liked:
            return Ranking((), 0.0, calibrated=False)
        exemplars, tree = self.exemplars, self.tree
        boosted = self._boosted(boosts, also)
        beams = tree.beams(shortlist.logits, shortlist.routes, boosted) if tree else None
        near = by_route(neighbours, exemplars)
        comparing = Comparing(unit, self.scoring, exemplars, self.index, near, boosted)

        def compare(routes: Sequence[tuple[int, float]]) -> list[Compared]:
            return sorted(
                comparing.compare(routes),
                key=lambda one: (bool(beams and beams.drop(one.route)), -one.score, one.route),
            )

        looked_at = _looked_at(shortlist, boosted, beams)
        ranked = compare(looked_at)
        best = ranked[0]
        sureness = self._sureness(ranked, shortlist)
        groups = (
            tree.probabilities((one.route, sureness.of(one)) for one in ranked)
            if tree
            else NO_GROUPS
        )
        wanted = max(2, count)
        positions = None if choosable is None else {exemplars.positions[name] for name in choosable}
        if positions is not None or wanted > len(ranked):
            more = shortlist.more(positions, wanted + len(looked_at) - len(shortlist.liked))
            known = set(looked_at)
            ranked = [best, *compare([*known, *(one for one in more if one not in known)])]
            ranked = [one for i, one in enumerate(ranked) if not i or one.route != best.route]
        eligible = [one for one in ranked if positions is None or one.route in positions]
        chosen = eligible[:wanted]
        if also:
            chosen += [one for one in eligible[wanted:] if exemplars.routes[one.route] == also]
        left_out = positions is not None and best.route not in positions
        return Ranking(
            candidates=tuple(
                self._candidate(
                    one,
                    sureness.at_most_of_best(one),
                    shown=shown,
                    voters=voters if one is chosen[0] else 0,
                )
                for one in chosen
            ),
            scope_probability=sureness.scope,
            left_out=exemplars.routes[best.route] if left_out else "",
            calibrated=self.scoring.calibration.method is not CalibrationMethod.NONE,
            swayed=frozenset(exemplars.routes[route] for route in _swayed(eligible, boosted))
            if boosted
            else frozenset(),
            groups=groups,
        )

    def _boosted(self, boosts: Mapping[str, float], also: str) -> dict[int, float]:
        """The boosts by position, `also` among them."""
        positions = self.exemplars.positions
        boosted = {positions[name]: boost for name, boost in boosts.items() if name in positions}
        if also in positions:
            boosted.setdefault(positions[also], 0.0)
        return boosted

    def _sureness(self, ranked: Sequence[Compared], shortlist: Shortlist) -> _Sureness:
        best, *others = ranked
        rival = max((one.score for one in others), default=-math.inf)
        scope, confidence = self.scoring.calibration.of_one(
            lead=min(best.score - rival, float(NO_RIVAL)),
            closeness=best.closeness,
            logit=best.logit - OUTSIDE_WEIGHT * (shortlist.outside or 0.0),
            surroundings=mean_of_largest(ranked),
        )
        # What the best leaves goes to the others by softmax.
        weight = sum(math.exp(one.score - best.score) for one in others)
        return _Sureness(best, scope, confidence, (1 - confidence) * scope / max(weight, 1e-300))

    def _candidate(self, one: Compared, confidence: float, *, shown: int, voters: int) -> Candidate:
        route = self.exemplars.routes[one.route]
        if shown == 1:
            nearest = [one.cosines.index(one.largest[0])]
        else:
            nearest = sorted(range(len(one.cosines)), key=lambda i: -one.cosines[i])[:shown]
        near: tuple[tuple[int, float], ...] = ()
        if voters:
            best = sorted(zip(one.cosines, one.rows, strict=True), reverse=True)[:voters]
            near = tuple((row, cosine) for cosine, row in best)
        return Candidate(
            route=route,
            score=one.score,
            confidence=confidence,
            similarity=one.largest[0],
            threshold=self.scoring.thresholds[route],
            nearest=tuple(
                NearestExemplar(self.exemplars.texts[one.rows[i]], one.cosines[i]) for i in nearest
            ),
            near=near,
        )


def _looked_at(
    shortlist: Shortlist, boosted: Mapping[int, float], beams: Beams | None
) -> list[tuple[int, float]]:
    """Position and logit of the routes that the head likes, and of those that are lifted."""
    # A boost may lift a route that would not have been looked at.
    looked_at = [*shortlist.liked, *(shortlist.more(boosted, len(boosted)) if boosted else ())]
    # So may a group, of which the best route must then be looked at.
    if beams and all(beams.best != route for route, _ in looked_at):
        looked_at += shortlist.more((beams.best,), 1)
    return looked_at


def _swayed(ranked: Sequence[Compared], boosted: Mapping[int, float]) -> set[int]:
    """Boosted routes among the two best, with the boosts or without."""
    unmoved = sorted(ranked, key=lambda one: boosted.get(one.route, 0.0) - one.score)
    return {one.route for one in (*ranked[:2], *unmoved[:2]) if boosted.get(one.route)}
