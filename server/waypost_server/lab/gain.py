"""By how much one thing is better than another on the same queries, with intervals that pair them.

Percentile intervals of the bootstrap (Efron 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2_000
SEED = 0

CHUNK_CELLS = 4_000_000
"""Draws held at a time: 32 MB."""

Sample = tuple[Doubles, Doubles]
"""Scores of what should be high, shape (n,), and of what should be low, shape (m,)."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A figure before and after, and the interval of the difference."""

    before: float
    after: float
    low: float
    high: float


def gain_of_means(before: npt.ArrayLike, after: npt.ArrayLike, *, level: float = LEVEL) -> Gain:
    """Of the mean of a figure of n queries, both of shape (n,)."""
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    gains = new - old
    rng = np.random.default_rng(SEED)
    height = max(1, CHUNK_CELLS // len(gains))
    drawn = [
        gains[rng.integers(len(gains), size=(min(height, RESAMPLES - start), len(gains)))].mean(
            axis=1
        )
        for start in range(0, RESAMPLES, height)
    ]
    return _gain(float(old.mean()), float(new.mean()), np.concatenate(drawn), level)


def gain_of_areas(
    before: Sequence[Sample], after: Sequence[Sample], *, level: float = LEVEL
) -> Gain:
    """Of the mean over samples of the area under the ROC curve; samples are resampled within.

    Args:
        before: samples, in each of which the high and the low are compared.
        after: the same queries in the same order.
        level: of the interval.
    """
    rng = np.random.default_rng(SEED)
    differences = np.zeros(RESAMPLES)
    for old, new in zip(before, after, strict=True):
        for i in range(RESAMPLES):
            rows = [rng.integers(len(scores), size=len(scores)) for scores in old]
            drawn = [_area(*(s[r] for s, r in zip(of, rows, strict=True))) for of in (old, new)]
            differences[i] += (drawn[1] - drawn[0]) / len(before)
    was, now = (float(np.mean([_area(*sample) for sample in of])) for of in (before, after))
    return _gain(was, now, differences, level)


def _area(high: Doubles, low: Doubles) -> float:
    """How often a high one exceeds a low one, a tie counting half (Mann and Whitney 1947)."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left") + np.searchsorted(
        ordered, high, side="right"
    )
    return float(below.mean() / 2 / len(low))


def _gain(before: float, after: float, differences: Doubles, level: float) -> Gain:
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return Gain(before, after, float(low), float(high))
