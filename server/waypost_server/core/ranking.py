"""The routes that come nearest to a query, with the confidence that each is right.

One query is ranked in plain Python: it looks at some eighty numbers, and each call into numpy would
cost as much as ten of them. `score_routes` and `gather_evidence` say the same of many queries.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.evidence import (
    NEAREST_IN_ALL,
    NEAREST_IN_ROUTE,
    NO_RIVAL,
    OUTSIDE_WEIGHT,
)
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours, Vectors
from waypost_server.core.scoring import Scoring
from waypost_server.core.shortlist import Shortlist

COMPARED = 128
"""Exemplars of a route that are compared; of more, those that the index finds near are, too. Twice
as many would make the decision at 1,000,000 exemplars half a millisecond longer."""

LARGEST = 32
"""Of a route's cosines, those that are looked at one by one when there are more."""


@dataclass(frozen=True, slots=True)
class NearestExemplar:
    """An exemplar near the query, and its cosine in [-1, 1]."""

    text: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route that was considered.

    Attributes:
        route: its name.
        score: what candidates are ranked by; comparable within one query only.
        confidence: probability in [0, 1] that it is the right route.
        similarity: cosine of the query and the route's nearest exemplar.
        threshold: what similarity has to reach.
        nearest: the route's nearest exemplars, nearest first; at least one, more if asked for.
    """

    route: str
    score: float
    confidence: float
    similarity: float
    threshold: float
    nearest: tuple[NearestExemplar, ...]

    @property
    def reaches_threshold(self) -> bool:
        """Whether the query is near enough to this route."""
        return self.similarity >= self.threshold


@dataclass(frozen=True, slots=True)
class Ranking:
    """The routes that came nearest.

    Attributes:
        candidates: best first.
        scope_probability: that the query belongs to any route, in [0, 1].
        calibrated: whether confidences are probabilities.
        left_out: the best route of all, where it may not be a candidate; else empty.
    """

    candidates: tuple[Candidate, ...]
    scope_probability: float
    calibrated: bool
    left_out: str = ""


class _Compared(NamedTuple):
    """A route, and the cosines of its exemplars that were compared, with the row of each."""

    route: int
    logit: float
    score: float
    closeness: float
    largest: Sequence[float]
    cosines: Sequence[float]
    rows: Sequence[int]


def rank_routes(
    unit: Encodings,
    shortlist: Shortlist,
    *,
    scoring: Scoring,
    exemplars: ExemplarTable,
    index: ExemplarIndex,
    neighbours: Neighbours,
    choosable: Collection[str] | None = None,
    count: int,
    shown: int = 1,
) -> Ranking:
    """The best routes for one query.

    Args:
        unit: the query's unit vector, shape (dimension,).
        shortlist: what the head says of it.
        scoring: what was fitted.
        exemplars: the table.
        index: the exemplars' vectors, row for row.
        neighbours: exemplars of any route that are near; those of small routes need not be named.
        choosable: routes that may be candidates; None for all. The others still speak: to forbid
            the right route makes no other right.
        count: candidates to return, at least 2 of them if there are so many.
        shown: exemplars to name of each.
    """
    if not shortlist.liked:
        return Ranking((), 0.0, calibrated=False)
    near = _by_route(neighbours, exemplars)

    def compare(routes: Sequence[tuple[int, float]]) -> list[_Compared]:
        blocks = index.blocks([_first_of(exemplars.rows_of(route)) for route, _ in routes])
        found = [
            _compare(unit, route, logit, near.get(route, ()), scoring, exemplars, vectors)
            for (route, logit), vectors in zip(routes, blocks, strict=True)
        ]
        return sorted(found, key=lambda one: (-one.score, one.route))

    ranked = compare(shortlist.liked)
    best = ranked[0]
    scope, confidence = scoring.calibration.of_one(
        lead=min(best.score - ranked[1].score, float(NO_RIVAL)) if ranked[1:] else float(NO_RIVAL),
        closeness=best.closeness,
        logit=best.logit - OUTSIDE_WEIGHT * (shortlist.outside or 0.0),
        surroundings=_mean_of_largest(ranked),
    )
    # What the best leaves goes to the others by softmax.
    others = sum(math.exp(one.score - best.score) for one in ranked[1:])
    left = (1 - confidence) * scope / max(others, 1e-300)
    wanted = max(2, count)
    positions = None if choosable is None else {exemplars.positions[name] for name in choosable}
    if positions is not None or wanted > len(ranked):
        more = shortlist.more(positions, wanted)
        ranked = [best, *compare([*shortlist.liked, *more])]
        ranked = [one for i, one in enumerate(ranked) if not i or one.route != best.route]
    chosen = [one for one in ranked if positions is None or one.route in positions][:wanted]
    left_out = positions is not None and best.route not in positions
    return Ranking(
        candidates=tuple(
            _candidate(
                one,
                # A worse score never has the higher confidence, even if the calibration doubts the
                # best.
                confidence
                if one is best
                else min(left * math.exp(min(one.score - best.score, 0.0)), confidence),
                scoring,
                exemplars,
                shown,
            )
            for one in chosen
        ),
        scope_probability=scope,
        left_out=exemplars.routes[best.route] if left_out else "",
        calibrated=scoring.calibration.method is not CalibrationMethod.NONE,
    )


def _by_route(
    neighbours: Neighbours, exemplars: ExemplarTable
) -> dict[int, list[tuple[float, int]]]:
    near: dict[int, list[tuple[float, int]]] = {}
    if len(neighbours.rows):
        routes = exemplars.route_ids[neighbours.rows].tolist()
        rows, cosines = neighbours.rows.tolist(), neighbours.similarities.tolist()
        for route, row, cosine in zip(routes, rows, cosines, strict=True):
            near.setdefault(route, []).append((cosine, row))
    return near


def _first_of(own: slice) -> slice:
    return slice(own.start, min(own.stop, own.start + COMPARED))


def _compare(
    unit: Encodings,
    route: int,
    logit: float,
    near: Sequence[tuple[float, int]],
    scoring: Scoring,
    exemplars: ExemplarTable,
    vectors: Vectors,
) -> _Compared:
    own = exemplars.rows_of(route)
    rows: Sequence[int] = range(own.start, own.start + len(vectors))
    products = vectors @ unit
    if len(rows) > LARGEST:
        places = np.sort(np.argpartition(products, -LARGEST)[-LARGEST:])
        products, rows = products[places], (own.start + places).tolist()
    cosines: list[float] = products.tolist()
    beyond = [(cosine, row) for cosine, row in near if row >= own.start + COMPARED]
    if beyond:
        cosines += [cosine for cosine, _ in beyond]
        rows = [*rows, *(row for _, row in beyond)]
    largest = sorted(cosines, reverse=True)
    # A duplicate counts once.
    apart = sorted(set(largest), reverse=True)[:NEAREST_IN_ROUTE]
    closeness = sum(apart) / len(apart)
    score = logit + scoring.similarity_weight * closeness
    return _Compared(route, logit, score, closeness, largest, cosines, rows)


def _mean_of_largest(ranked: Sequence[_Compared]) -> float:
    cosines = [cosine for one in ranked for cosine in one.largest[:NEAREST_IN_ALL]]
    cosines.sort(reverse=True)
    largest = cosines[:NEAREST_IN_ALL]
    return sum(largest) / len(largest)


def _candidate(
    one: _Compared, confidence: float, scoring: Scoring, exemplars: ExemplarTable, shown: int
) -> Candidate:
    route = exemplars.routes[one.route]
    if shown == 1:
        nearest = [one.cosines.index(one.largest[0])]
    else:
        nearest = sorted(range(len(one.cosines)), key=lambda i: -one.cosines[i])[:shown]
    return Candidate(
        route=route,
        score=one.score,
        confidence=confidence,
        similarity=one.largest[0],
        threshold=scoring.thresholds[route],
        nearest=tuple(
            NearestExemplar(exemplars.texts[one.rows[i]], one.cosines[i]) for i in nearest
        ),
    )
