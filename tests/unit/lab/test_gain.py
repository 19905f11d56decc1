import numpy as np
import pytest

from waypost_server.lab.gain import gain_of_areas, gain_of_means


def test_the_gain_of_a_mean_has_the_interval_of_paired_differences() -> None:
    random = np.random.default_rng(1)
    before = random.random(500)
    after = before + random.normal(0.02, 0.1, 500)
    gain = gain_of_means(before, after)
    deviation = (after - before).std() / np.sqrt(500)
    assert (gain.before, gain.after) == pytest.approx((before.mean(), after.mean()))
    middle = after.mean() - before.mean()
    assert gain.low == pytest.approx(middle - 1.96 * deviation, abs=deviation / 5)
    assert gain.high == pytest.approx(middle + 1.96 * deviation, abs=deviation / 5)


def test_an_area_is_the_share_of_pairs_in_order_a_tie_counting_half() -> None:
    high, low = np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.0])
    gain = gain_of_areas([(high, low)], [(high, low)])
    assert gain.before == gain.after == pytest.approx((2 + 1.5 + 2) / 6)
    assert (gain.low, gain.high) == (0, 0)


def test_scores_that_tell_more_gain_and_the_mean_is_over_samples() -> None:
    random = np.random.default_rng(2)
    high, low = random.normal(1, 1, 200), random.normal(0, 1, 200)
    better = (high + 1, low)
    gain = gain_of_areas([(high, low), (high, low)], [better, (high, low)])
    assert gain.low > 0
    alone = gain_of_areas([(high, low)], [better])
    assert gain.after - gain.before == pytest.approx((alone.after - alone.before) / 2)
