"""A wrong clock must not empty the log."""

from hypothesis import given
from hypothesis import strategies as st

from tests.records import NOON
from waypost_server.core.retention import DAY_MS, HOUR_MS, may_sweep, trusted_time_ms


def test_a_clock_that_is_right_is_trusted() -> None:
    trusted = None
    for hour in range(100):
        trusted = trusted_time_ms(NOON + hour * HOUR_MS, trusted)
        assert trusted == NOON + hour * HOUR_MS


@given(st.lists(st.integers(0, 4 * NOON), min_size=1))
def test_whatever_clocks_say_a_sweep_trusts_no_later_time_and_at_most_a_day_more(
    clocks: list[int],
) -> None:
    trusted: int | None = None
    for now in clocks:
        before, trusted = trusted, trusted_time_ms(now, trusted)
        assert trusted <= now
        assert before is None or trusted <= before + DAY_MS


def test_after_a_month_away_the_time_is_right_again_in_30_sweeps() -> None:
    trusted, sweeps, now = NOON, 0, NOON + 30 * DAY_MS
    while trusted != now:
        trusted, sweeps = trusted_time_ms(now, trusted), sweeps + 1
    assert sweeps == 30


def test_a_clock_that_was_ahead_keeps_nobody_from_sweeping() -> None:
    every = HOUR_MS
    assert not may_sweep(NOON, NOON, every)
    assert not may_sweep(NOON + every - 1, NOON, every)
    assert may_sweep(NOON + every, NOON, every)
    assert not may_sweep(NOON, NOON + every, every)  # two machines' clocks differ a little
    assert may_sweep(NOON, NOON + 400 * DAY_MS, every)
