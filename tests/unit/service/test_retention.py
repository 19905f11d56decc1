"""The log forgets what is too old, and a clock that jumps does not make it forget the rest."""

import logging
from collections.abc import Iterator

import pytest

from tests.records import NOON, decision, outcome
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.core.decision_log import LogFilter
from waypost_server.core.retention import DAY_MS, HOUR_MS
from waypost_server.service.retention import AT_ONCE, Sweeper

YEAR_MS = 365 * DAY_MS


class Clock:
    """Stands where it is put, in milliseconds."""

    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms * 1_000_000


@pytest.fixture
def log(database_url: str) -> Iterator[DatabaseLog]:
    opened = DatabaseLog(open_database(database_url))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sweeper(log: DatabaseLog, clock: Clock) -> Iterator[Sweeper]:
    """Of a log that keeps things for 90 days; it sweeps when a test says so."""
    made = Sweeper(log, days=90, clock=clock, look_seconds=3600)
    yield made
    made.close()


def ages(log: DatabaseLog) -> list[int]:
    """Of what is there, in days before noon."""
    return [
        (NOON - each.decision.at_ms) // DAY_MS for each in log.between(LogFilter()) if each.decision
    ]


def keep(log: DatabaseLog, days: range, *, each: int = 1) -> None:
    records = [decision(at_ms=NOON - day * DAY_MS, text=None) for day in days for _ in range(each)]
    log.append(records)
    log.append([outcome(one.decision_id, at_ms=one.at_ms) for one in records])


def test_what_is_older_than_its_days_is_forgotten(log: DatabaseLog, sweeper: Sweeper) -> None:
    keep(log, range(85, 95), each=2)
    assert sweeper.sweep() == 4 * 4  # of 91 to 94 days, decisions and reports
    assert ages(log) == [90, 90, 89, 89, 88, 88, 87, 87, 86, 86, 85, 85]


def test_more_than_a_transaction_deletes_is_forgotten_too(
    log: DatabaseLog, sweeper: Sweeper
) -> None:
    keep(log, range(100, 101), each=AT_ONCE + 20)
    assert sweeper.sweep() == 2 * (AT_ONCE + 20)
    assert ages(log) == []


def test_nobody_sweeps_twice_in_an_hour(log: DatabaseLog, sweeper: Sweeper, clock: Clock) -> None:
    assert sweeper.sweep() == 0
    keep(log, range(95, 96))
    clock.now_ms += HOUR_MS - 1
    assert sweeper.sweep() == 0
    clock.now_ms += 1
    assert sweeper.sweep() == 2


def test_a_clock_that_jumps_ahead_by_years_forgets_a_day_and_says_so(
    log: DatabaseLog, sweeper: Sweeper, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    keep(log, range(1, 91))
    assert sweeper.sweep() == 0
    clock.now_ms = NOON + 5 * YEAR_MS
    assert sweeper.sweep() == 2
    assert ages(log) == list(range(89, 0, -1))
    assert "the clock is 1824 days ahead" in caplog.text
    caplog.clear()
    clock.now_ms = NOON + HOUR_MS  # mended
    assert sweeper.sweep() == 0
    assert len(ages(log)) == 89
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_a_clock_that_jumps_back_forgets_nothing(
    log: DatabaseLog, sweeper: Sweeper, clock: Clock
) -> None:
    keep(log, range(1, 91))
    assert sweeper.sweep() == 0
    clock.now_ms = NOON - 5 * YEAR_MS
    assert sweeper.sweep() == 0
    clock.now_ms = NOON + DAY_MS
    assert sweeper.sweep() == 0  # it is trusted a day a sweep
    assert len(ages(log)) == 90
