"""Reading the decision log."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.core.decision_log import (
    DecisionLog,
    LogFilter,
    LoggedDecision,
)
from waypost_server.settings import Settings
from waypost_server.wiring.existing import existing_database

LATE_MS = 10_000
"""How much later than one that was decided after it a decision may get into the log."""


@contextmanager
def reading(settings: Settings) -> Iterator[DatabaseLog]:
    """The decision log that a server writes; raises SettingsError where there is none."""
    log = DatabaseLog(existing_database(settings))
    try:
        yield log
    finally:
        log.close()


def newest(log: DecisionLog, wanted: LogFilter, count: int | None) -> Iterable[LoggedDecision]:
    """The last `count` wanted decisions, the oldest first; None for all, in bounded memory."""
    if count is None:
        return log.between(wanted)
    return log.last(wanted, count) if count else ()


def follow(
    log: DecisionLog, wanted: LogFilter, count: int | None, *, wait: Callable[[], None]
) -> Iterator[LoggedDecision]:
    """The last decisions, and then each that comes, once; has no end.

    Args:
        log: the log.
        wanted: which ones.
        count: how many of those that are there; None for all.
        wait: called when there is no other one yet.
    """
    seen: dict[str, int] = {}
    # Of those that are late, none from before the first one that is shown.
    first_ms = (wanted.since_ms or 0) if count is None else None
    for logged in newest(log, wanted, count):
        yield logged
        for decision_id, at_ms in _times([logged]):
            first_ms = at_ms if first_ms is None else first_ms
            seen[decision_id] = at_ms
            while seen[oldest := next(iter(seen))] < at_ms - LATE_MS:
                del seen[oldest]
    if first_ms is None:
        first_ms = max(time.time_ns() // 1_000_000, wanted.since_ms or 0)
    while True:
        wait()
        since_ms = max([first_ms, *(at_ms - LATE_MS for at_ms in seen.values())])
        seen = {id_: at_ms for id_, at_ms in seen.items() if at_ms >= since_ms}
        for logged in log.between(replace(wanted, since_ms=since_ms)):
            [(decision_id, at_ms)] = _times([logged])
            if decision_id not in seen:
                seen[decision_id] = at_ms
                yield logged


def _times(decisions: Iterable[LoggedDecision]) -> list[tuple[str, int]]:
    """Ids and times."""
    return [
        (one.decision.decision_id, one.decision.at_ms)
        for one in decisions
        if one.decision is not None
    ]
