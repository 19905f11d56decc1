"""95% intervals of shares, and of differences between two figures of the same queries.

Pure Python, so that a report needs no numpy; each gives the same for the same values in any order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist, fmean, stdev

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)

RESAMPLES = 2_000
"""Draws of a bootstrap: the ends of its interval then stay within a few hundredths of its width."""

MANY = 2_000
"""Values above which a mean's bootstrap and its normal interval agree, and drawing only costs."""

SEED = 0

_FAR = 10
"""Standard deviations beyond which a binomial has nothing left that shows beside 1 in a double."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From where to where; `low` is at most `high`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Queries by whether something is so for the first, the second, both or neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def total(self) -> int:
        """All queries."""
        return self.both + self.first + self.second + self.neither


def wilson(count: int, total: int) -> Interval:
    """The interval of a share `count / total` (Wilson 1927), which holds for few queries too."""
    share = count / total
    centre = share + Z * Z / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def newcombe(pairs: Pairs) -> Interval:
    """The interval of the second's share less the first's, on the same queries.

    Method 10 of Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17 (1998) 2635: Wilson's intervals,
    squared and added, less what the correlation of both takes away.
    """
    total = pairs.total
    ones, twos = pairs.both + pairs.first, pairs.both + pairs.second
    one, two = wilson(ones, total), wilson(twos, total)
    below_one, above_one = ones / total - one.low, one.high - ones / total
    below_two, above_two = twos / total - two.low, two.high - twos / total
    phi = _correlation(pairs)
    difference = (twos - ones) / total
    return Interval(
        difference - _added(below_two, above_one, phi),
        difference + _added(above_two, below_one, phi),
    )


def median_difference(differences: Sequence[float]) -> Interval:
    """The bootstrap's percentile interval of a median, computed instead of drawn.

    How a resample's order statistics are distributed is known exactly (Efron 1979, section 3;
    Hutson and Ernst, Journal of the Royal Statistical Society B 62 (2000) 89). Of an even number
    of values, it reaches from the lower of both middle ones' to the upper's.

    Args:
        differences: at least one, in any order.
    """
    ordered, total = sorted(differences), len(differences)
    low = _quantile_of_rank((total + 1) // 2, total, (1 - LEVEL) / 2)
    high = _quantile_of_rank(total // 2 + 1, total, (1 + LEVEL) / 2)
    return Interval(ordered[low - 1], ordered[high - 1])


def mean_difference(differences: Sequence[float]) -> Interval:
    """The bootstrap's percentile interval of a mean (Efron 1979); the normal one of many values.

    Args:
        differences: at least two, in any order.
    """
    ordered, total = sorted(differences), len(differences)
    if total > MANY:
        half = Z * stdev(ordered) / math.sqrt(total)
        return Interval(fmean(ordered) - half, fmean(ordered) + half)
    random = Random(SEED)  # noqa: S311  (for no secret)
    means = sorted(fmean(random.choices(ordered, k=total)) for _ in range(RESAMPLES))
    cut = round(RESAMPLES * (1 - LEVEL) / 2)
    return Interval(means[cut - 1], means[-cut])


def _added(first: float, second: float, phi: float) -> float:
    # Rounding may make nothing slightly less than nothing.
    return math.sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def _correlation(pairs: Pairs) -> float:
    ones, twos, total = pairs.both + pairs.first, pairs.both + pairs.second, pairs.total
    margins = ones * (total - ones) * twos * (total - twos)
    if margins == 0:
        return 0.0
    excess = float(pairs.both * pairs.neither - pairs.first * pairs.second)
    if excess > 0:
        excess = max(0.0, excess - total / 2)  # Newcombe's continuity correction
    return excess / math.sqrt(margins)


def _quantile_of_rank(rank: int, total: int, level: float) -> int:
    """The least k of which the k-th of `total` values bounds a resample's `rank`-th so often."""
    low, high = 1, total
    while low < high:
        middle = (low + high) // 2
        # It is at most the k-th value when at least `rank` of `total` draws are.
        if _at_least(rank, total, middle / total) >= level:
            high = middle
        else:
            low = middle + 1
    return low


def _at_least(successes: int, trials: int, chance: float) -> float:
    """How likely a binomial variable is at least `successes`."""
    if chance >= 1:
        return 1.0
    spread = _FAR * math.sqrt(trials * chance * (1 - chance)) + _FAR
    first = max(0, math.floor(trials * chance - spread))
    last = min(trials, math.ceil(trials * chance + spread))
    if successes <= first:
        return 1.0
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(chance)
        + (trials - k) * math.log1p(-chance)
        for k in range(successes, last + 1)
    )
    return math.fsum(math.exp(each) for each in logs)
