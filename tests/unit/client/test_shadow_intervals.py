"""Intervals against published ones, and against the bootstrap that they are said to be."""

import itertools
import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean, median, median_high, median_low, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.shadow._intervals import (
    MANY,
    Interval,
    Pairs,
    Z,
    mean_difference,
    median_difference,
    newcombe,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(
    count: int, total: int, low: float, high: float
) -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I.
    found = wilson(count, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    [
        # Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33:2850: airway
        # hyper-responsiveness before and after stem cell transplantation.
        (Pairs(both=1, first=1, second=7, neither=12), 0.026, 0.507),
        # Altman, Machin, Bryant and Gardner 2000, Statistics with Confidence, table 6.2.
        (Pairs(both=14, first=5, second=0, neither=22), -0.226, -0.011),
    ],
)
def test_newcombes_interval_is_the_published_one(pairs: Pairs, low: float, high: float) -> None:
    found = newcombe(pairs)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


COUNTS = st.integers(0, 300)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_newcombes_interval_holds_the_difference_and_turns_with_the_sides(
    both: int, first: int, second: int, neither: int
) -> None:
    pairs = Pairs(both, first, second, neither)
    if pairs.total == 0:
        return
    found, turned = newcombe(pairs), newcombe(Pairs(both, second, first, neither))
    difference = (second - first) / pairs.total
    assert -1 - 1e-9 <= found.low <= difference <= found.high <= 1 + 1e-9
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))


def quantiles(drawn: Sequence[float]) -> tuple[float, float]:
    """The least values that 2.5% and 97.5% do not exceed."""
    ordered = sorted(drawn)
    return tuple(ordered[math.ceil(level * len(ordered)) - 1] for level in (0.025, 0.975))  # type: ignore[return-value]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_the_interval_of_a_median_is_that_of_all_resamples(size: int) -> None:
    values = [math.sqrt(prime) for prime in (2, 3, 5, 7, 11, 13)][:size]
    resamples = list(itertools.product(values, repeat=size))
    low, _ = quantiles([median_low(each) for each in resamples])
    _, high = quantiles([median_high(each) for each in resamples])
    assert median_difference(values) == Interval(low, high)


@pytest.mark.parametrize("size", [51, 400])
def test_it_is_what_drawing_gives(size: int) -> None:
    values = [random.Random(size).gauss(0, 1) for _ in range(size)]  # noqa: S311
    rng = random.Random(1)  # noqa: S311
    low, high = quantiles([median(rng.choices(values, k=size)) for _ in range(4000)])
    found, ordered = median_difference(values), sorted(values)
    for drawn, computed in ((low, found.low), (high, found.high)):
        at = ordered.index(computed)
        assert ordered[max(0, at - 2)] <= drawn <= ordered[min(size - 1, at + 2)]


def test_it_stays_quick_and_right_for_very_many() -> None:
    # The k-th and the (n-k+1)-th value with k = n/2 - Z sqrt(n)/2, of 1 ... n.
    size = 200_001
    found = median_difference(range(size))
    half = Z * math.sqrt(size) / 2
    assert (found.low, found.high) == pytest.approx((size / 2 - half, size / 2 + half), abs=2)


def test_the_interval_of_a_mean_is_that_of_all_resamples() -> None:
    values = [0.0, 1.0, 4.0, 9.0, 25.0]
    exact = quantiles([fmean(each) for each in itertools.product(values, repeat=5)])
    found = mean_difference(values)
    # A mean of five of these is a multiple of 0.2; drawing may miss the edge by a step or two.
    assert (found.low, found.high) == pytest.approx(exact, abs=0.6)


def test_many_values_have_the_interval_that_drawing_comes_to() -> None:
    rng = random.Random(3)  # noqa: S311
    values = [rng.expovariate(1) for _ in range(MANY)]
    drawn, computed = mean_difference(values), mean_difference([*values, fmean(values)])
    width = 2 * Z * stdev(values) / math.sqrt(MANY)
    assert computed.high - computed.low == pytest.approx(width, rel=0.01)
    assert (drawn.low, drawn.high) == pytest.approx((computed.low, computed.high), abs=width * 0.06)


@pytest.mark.parametrize("interval", [mean_difference, median_difference])
@given(values=st.lists(st.floats(-100, 100), min_size=2, max_size=40), seed=st.integers())
def test_the_order_does_not_matter(
    interval: Callable[[Sequence[float]], Interval], values: list[float], seed: int
) -> None:
    shuffled = values.copy()
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    assert interval(values) == interval(shuffled)
