"""How near one query is to routes, exemplar by exemplar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from waypost_server.core.evidence import NEAREST_IN_ALL, NEAREST_IN_ROUTE
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours, Vectors
from waypost_server.core.scoring import Scoring

COMPARED = 128
"""Exemplars of a route that are compared; of more, those that the index finds near are, too. Twice
as many would make the decision at 1,000,000 exemplars half a millisecond longer."""

LARGEST = 32
"""Of a route's cosines, those that are looked at one by one when there are more."""


class Compared(NamedTuple):
    """A route, and the cosines of its exemplars that were compared, with the row of each."""

    route: int
    logit: float
    score: float
    closeness: float
    largest: Sequence[float]
    cosines: Sequence[float]
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Comparing:
    """Compares one query with routes.

    Attributes:
        unit: the query's unit vector, shape (dimension,).
        scoring: what was fitted.
        exemplars: the table.
        index: the exemplars' vectors, row for row.
        near: by route, cosine and row of exemplars that the index finds near.
        boosted: logits that are added, by route.
    """

    unit: Encodings
    scoring: Scoring
    exemplars: ExemplarTable
    index: ExemplarIndex
    near: Mapping[int, Sequence[tuple[float, int]]]
    boosted: Mapping[int, float]

    def compare(self, routes: Sequence[tuple[int, float]]) -> list[Compared]:
        """Compares the query with routes, given by position and logit; in their order."""
        blocks = self.index.blocks(
            [_first_of(self.exemplars.rows_of(route)) for route, _ in routes]
        )
        return [
            self._compare(route, logit + self.boosted.get(route, 0.0), vectors)
            for (route, logit), vectors in zip(routes, blocks, strict=True)
        ]

    def _compare(self, route: int, logit: float, vectors: Vectors) -> Compared:
        own = self.exemplars.rows_of(route)
        rows: Sequence[int] = range(own.start, own.start + len(vectors))
        products = vectors @ self.unit
        if len(rows) > LARGEST:
            places = np.sort(np.argpartition(products, -LARGEST)[-LARGEST:])
            products, rows = products[places], (own.start + places).tolist()
        cosines: list[float] = products.tolist()
        near = self.near.get(route, ())
        beyond = [(cosine, row) for cosine, row in near if row >= own.start + COMPARED]
        if beyond:
            cosines += [cosine for cosine, _ in beyond]
            rows = [*rows, *(row for _, row in beyond)]
        largest = sorted(cosines, reverse=True)
        # A duplicate counts once.
        apart = sorted(set(largest), reverse=True)[:NEAREST_IN_ROUTE]
        closeness = sum(apart) / len(apart)
        score = logit + self.scoring.similarity_weight * closeness
        return Compared(route, logit, score, closeness, largest, cosines, rows)


def by_route(
    neighbours: Neighbours, exemplars: ExemplarTable
) -> dict[int, list[tuple[float, int]]]:
    """Cosine and row of neighbours, by route."""
    near: dict[int, list[tuple[float, int]]] = {}
    if len(neighbours.rows):
        routes = exemplars.route_ids[neighbours.rows].tolist()
        rows, cosines = neighbours.rows.tolist(), neighbours.similarities.tolist()
        for route, row, cosine in zip(routes, rows, cosines, strict=True):
            near.setdefault(route, []).append((cosine, row))
    return near


def mean_of_largest(ranked: Sequence[Compared]) -> float:
    """The mean of the largest cosines of all routes."""
    cosines = [cosine for one in ranked for cosine in one.largest[:NEAREST_IN_ALL]]
    cosines.sort(reverse=True)
    largest = cosines[:NEAREST_IN_ALL]
    return sum(largest) / len(largest)


def _first_of(own: slice) -> slice:
    return slice(own.start, min(own.stop, own.start + COMPARED))
