import numpy as np
import pytest

from waypost_server.lab.gain import gain_of_means, mcnemar


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


def test_what_goes_together_counts_as_one() -> None:
    random = np.random.default_rng(2)
    shift = np.repeat(random.normal(0.1, 0.3, 20), 50)  # twenty groups that move as one
    before = np.zeros(1000)
    groups = np.repeat(np.arange(20), 50)
    apart = gain_of_means(before, shift)
    together = gain_of_means(before, shift, groups=groups)
    assert together.after == apart.after
    assert together.high - together.low > 5 * (apart.high - apart.low)
    deviation = shift[::50].std() / np.sqrt(20)
    assert together.high - together.low == pytest.approx(2 * 1.96 * deviation, rel=0.15)


@pytest.mark.parametrize(("better", "worse"), [(5, 0), (0, 5), (9, 2), (0, 0), (12, 1)])
def test_few_changes_are_a_gain_only_if_mcnemars_test_agrees(better: int, worse: int) -> None:
    before = np.array([False] * better + [True] * (300 - better))
    after = np.array([True] * (300 - worse) + [False] * worse)
    gain = gain_of_means(before, after)
    beyond = gain.low > 0 or gain.high < 0
    assert not beyond or mcnemar(better, worse) <= 0.05
    assert (better, worse) != (12, 1) or gain.low > 0
