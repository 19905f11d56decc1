"""A slope, and whether it can be told from none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000
BLOCKS = 12
"""Samples that are near each other are alike, so that whole stretches are drawn: a twelfth of the
time each, which is longer than a cache's or an allocator's moods last in half an hour."""

SEED = 20251

ROUNDING = 1e-9
"""What arithmetic makes of a slope of 0."""


Samples = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something grows, with its 95% interval, per hour.

    Attributes:
        per_hour: Theil and Sen's: the median of the slopes of all pairs, which a few spikes do not
            move.
        low: of the interval.
        high: of the interval.
    """

    per_hour: float
    low: float
    high: float

    @property
    def is_distinguishable(self) -> bool:
        """Whether 0 is outside the interval."""
        return not self.low - ROUNDING <= 0 <= self.high + ROUNDING


def slope_of(seconds: Samples, values: Samples) -> Slope:
    """The slope through samples; raises ValueError for fewer than two a block."""
    times = np.asarray(seconds, dtype=np.float64) / 3600
    found = np.asarray(values, dtype=np.float64)
    if len(times) < 2 * BLOCKS:
        raise ValueError(f"{len(times)} samples; at least {2 * BLOCKS} are needed")
    per_hour = _theil_sen(times, found)
    left = found - per_hour * times
    length = len(times) // BLOCKS
    draw = np.random.default_rng(SEED)
    slopes = []
    for _ in range(RESAMPLES):
        starts = draw.integers(0, len(times) - length + 1, BLOCKS + 1)
        rows = (starts[:, None] + np.arange(length)).ravel()[: len(times)]
        slopes.append(_least_squares(times[: len(rows)], left[rows]))
    low, high = np.percentile(slopes, (2.5, 97.5))
    return Slope(per_hour, per_hour + float(low), per_hour + float(high))


def _theil_sen(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    upper = np.triu_indices(len(x), 1)
    return float(np.median((y[upper[1]] - y[upper[0]]) / (x[upper[1]] - x[upper[0]])))


def _least_squares(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
