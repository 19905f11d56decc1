"""By how much one thing is better than another on the same queries, with intervals that pair them.

Percentile intervals of the bootstrap (Efron 1979).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.lab.bootstrap import LEVEL

Doubles = npt.NDArray[np.float64]

RESAMPLES = 2_000
SEED = 0

CHUNK_CELLS = 4_000_000
"""Draws held at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A figure before and after, and the interval of the difference."""

    before: float
    after: float
    low: float
    high: float


def gain_of_means(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    *,
    level: float = LEVEL,
    groups: npt.ArrayLike | None = None,
) -> Gain:
    """The gain of the mean of a figure of n queries.

    Where the figure is right or wrong, and so few queries change that McNemar's exact test sees
    no difference, the interval reaches 0: resampling a handful of changes says too much.

    Args:
        before: of each query, shape (n,).
        after: likewise.
        level: of the interval.
        groups: numbers of groups of queries that go together, from 0, shape (n,); groups are then
            resampled, not queries. None for each on its own.
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    group_of = np.arange(len(old)) if groups is None else np.asarray(groups, dtype=np.intp)
    sums = np.bincount(group_of, weights=new - old).astype(np.float64)
    sizes = np.bincount(group_of).astype(np.float64)
    drawn = _resampled(sums, sizes)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    better, worse = int((new > old).sum()), int((new < old).sum())
    if np.isin([old, new], (0, 1)).all() and mcnemar(better, worse) > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    return Gain(float(old.mean()), float(new.mean()), float(low), float(high))


def mcnemar(better: int, worse: int) -> float:
    """Two-sided exact p-value of McNemar's test (1947): a fair coin for each changed query."""
    total, term, tail = better + worse, 1, 0
    for i in range(min(better, worse) + 1):
        tail += term
        term = term * (total - i) // (i + 1)
    return min(1.0, 2 * tail / (1 << total))


def _resampled(sums: Doubles, sizes: Doubles) -> Doubles:
    """Means of resampled groups, shape (RESAMPLES,)."""
    rng = np.random.default_rng(SEED)
    height = max(1, CHUNK_CELLS // len(sums))
    parts = []
    for start in range(0, RESAMPLES, height):
        rows = rng.integers(len(sums), size=(min(height, RESAMPLES - start), len(sums)))
        parts.append(sums[rows].sum(axis=1) / sizes[rows].sum(axis=1))
    return np.concatenate(parts)
