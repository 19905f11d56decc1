"""Whether a slope is told from none exactly when there is one."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.bench.soak.slope import BLOCKS, slope_of

SECONDS = np.arange(0, 1800, 5.0)


def wander(seed: int, *, per_hour: float = 0.0) -> npt.NDArray[np.float64]:
    """Memory that goes up and down slowly, around a line."""
    draw = np.random.default_rng(seed)
    values = [0.0]
    for step in draw.standard_normal(len(SECONDS) - 1):
        values.append(0.8 * values[-1] + step)
    return 200 + np.array(values) + per_hour * SECONDS / 3600


def test_a_line_has_its_slope() -> None:
    slope = slope_of(SECONDS, 200 + 12 * SECONDS / 3600)
    assert (slope.per_hour, slope.low, slope.high) == pytest.approx((12, 12, 12))
    assert slope.is_distinguishable


def test_what_only_wanders_is_told_from_a_slope_no_more_often_than_it_may_be() -> None:
    found = [slope_of(SECONDS, wander(seed)).is_distinguishable for seed in range(40)]
    assert sum(found) <= 8  # of 40; a 95% interval of so few blocks is a little too narrow


def test_a_leak_is_found_though_it_wanders() -> None:
    slopes = [slope_of(SECONDS, wander(seed, per_hour=20)) for seed in range(10)]
    assert all(slope.is_distinguishable for slope in slopes)
    assert np.mean([slope.per_hour for slope in slopes]) == pytest.approx(20, rel=0.2)


def test_a_spike_moves_nothing() -> None:
    values = np.full(len(SECONDS), 200.0)
    values[100] = 900
    assert slope_of(SECONDS, values).per_hour == 0


def test_what_stays_as_it_is_has_no_slope() -> None:
    assert not slope_of(SECONDS, np.full(len(SECONDS), 12.1)).is_distinguishable


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 24 are needed"):
        slope_of(SECONDS[: 2 * BLOCKS - 1], SECONDS[: 2 * BLOCKS - 1])
