"""From what time on a log's records are too old, by a clock that may be wrong."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

STEP_MS = DAY_MS
"""How far the time from which age is counted may go on between two sweeps."""


def trusted_time_ms(now_ms: int, before_ms: int | None) -> int:
    """The time from which age is counted, in milliseconds since 1970.

    It goes at most a day further than at the last sweep. So a clock that jumps ahead by years
    deletes a day's records an hour, and not all of them at once: there is time to notice. After a
    server stood still for a month, its log catches up in 30 sweeps.

    Args:
        now_ms: what the clock says.
        before_ms: what was trusted at the last sweep; None for the first one.
    """
    return now_ms if before_ms is None else min(now_ms, before_ms + STEP_MS)


def may_sweep(now_ms: int, swept_ms: int, every_ms: int) -> bool:
    """Whether the last sweep is long enough ago; one in the future was a wrong clock's.

    Args:
        now_ms: what the clock says.
        swept_ms: what a clock said at the last sweep.
        every_ms: how long a sweep keeps others from the next one.
    """
    return not now_ms - every_ms < swept_ms <= now_ms + every_ms
