"""Encodings drawn at random around a centre for each route: sentences whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.fakes import ExactIndex
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ranking import NO_BOOSTS, Ranker, Ranking
from waypost_server.core.scoring import Scoring, fit_scoring
from waypost_server.core.shortlist import ask_head
from waypost_server.core.softmax import Floats, Labels


@dataclass(frozen=True)
class Clouds:
    """A world of routes.

    Attributes:
        routes: how many.
        dimension: length of the unit vector.
        inner: length of the inner vector; 0 for none.
        spread: length of what is added to a centre of length 1; 1 makes routes overlap.
    """

    routes: int
    dimension: int = 24
    inner: int = 12
    spread: float = 0.7

    def draw(self, labels: Labels, *, seed: int) -> Floats:
        """Encodings of shape (n, dimension + inner), one for each label."""
        centres = np.random.default_rng(7)
        random = np.random.default_rng([8, seed])
        parts = []
        for length in (self.dimension, self.inner):
            middle = _unit(centres.standard_normal((self.routes, max(length, 1))))
            noise = random.standard_normal((len(labels), max(length, 1))) / np.sqrt(max(length, 1))
            parts.append(_unit(middle[labels] + self.spread * noise)[:, :length])
        return np.hstack(parts).astype(np.float32)

    def strangers(self, count: int, *, seed: int) -> Floats:
        """Encodings that belong to no route: of centres of their own."""
        random = np.random.default_rng([9, seed])
        parts = [random.standard_normal((count, length)) for length in (self.dimension, self.inner)]
        return np.hstack([_unit(part) if part.size else part for part in parts]).astype(np.float32)


def labels_of(sizes: Sequence[int]) -> Labels:
    """Route ids of so many exemplars each, ascending."""
    return np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)


def table_of(sizes: Sequence[int]) -> ExemplarTable:
    """Routes r000, r001, ... with exemplars "r000 0", "r000 1", ..."""
    return ExemplarTable.of(
        ((f"r{i:03}", f"r{i:03} {j}") for i, size in enumerate(sizes) for j in range(size)),
        negative_counts={},
    )


@dataclass(frozen=True)
class Fitted:
    """A scoring and what it was fitted on."""

    scoring: Scoring
    exemplars: ExemplarTable
    encodings: Floats
    dimension: int

    @property
    def vectors(self) -> Floats:
        """The exemplars' unit vectors."""
        return np.ascontiguousarray(self.encodings[:, : self.dimension])

    def ranking(
        self,
        query: Floats,
        *,
        routes: Sequence[int] | None = None,
        count: int,
        boosts: Mapping[str, float] = NO_BOOSTS,
        voters: int = 0,
    ) -> Ranking:
        """What is made of a query's encoding, shape (width,), with all routes or some."""
        unit, index = query[: self.dimension], ExactIndex(self.vectors)
        asked = None if routes is None else np.array(routes, dtype=np.int32)
        return Ranker(self.scoring, self.exemplars, index).rank(
            unit,
            ask_head(self.scoring.head, query, asked),
            index.search(unit, 0),
            count=count,
            shown=3,
            boosts=boosts,
            voters=voters,
        )


def fitted(
    clouds: Clouds,
    sizes: Sequence[int],
    *,
    seed: int = 0,
    by_hand: dict[str, float] | None = None,
    outside: int = 0,
) -> Fitted:
    """Fits on so many exemplars a route, and so many examples of out of scope."""
    exemplars, encodings = table_of(sizes), clouds.draw(labels_of(sizes), seed=seed)
    scoring = fit_scoring(
        encodings,
        clouds.strangers(outside, seed=seed),
        exemplars,
        dimension=clouds.dimension,
        by_hand=by_hand or {},
    )[0]
    return Fitted(scoring, exemplars, encodings, clouds.dimension)


def _unit(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
