"""Following a log that others write."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.records import decision
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.core.decision_log import LogFilter, LoggedDecision
from waypost_server.core.errors import SettingsError
from waypost_server.settings import Settings
from waypost_server.workshop.decisions import LATE_MS, follow, reading


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DatabaseLog]:
    opened = DatabaseLog(open_database(f"sqlite:///{tmp_path}/waypost.db"))
    yield opened
    opened.close()


def ids(decisions: Iterator[LoggedDecision], count: int) -> list[str]:
    return [one.decision.decision_id for one in islice(decisions, count) if one.decision]


def test_what_comes_is_followed_once_and_late_ones_too(log: DatabaseLog) -> None:
    now = time.time_ns() // 1_000_000
    old = [decision(at_ms=now + i) for i in range(5)]
    # Written by another process after younger ones; and one of another tenant.
    late = decision(at_ms=now + 4 - 1)
    batches = [
        [decision(at_ms=now + 10)],
        [],
        [late, decision(at_ms=now + 11), decision(at_ms=now + 12, tenant="other")],
        [decision(at_ms=now + LATE_MS + 100)],
        [decision(at_ms=now + LATE_MS + 101)],
    ]
    log.append(old)
    coming = iter(batches)
    follower = follow(log, LogFilter(tenant="acme"), 2, wait=lambda: log.append(next(coming)))
    expected = [*old[-2:], batches[0][0], late, batches[2][1], batches[3][0], batches[4][0]]
    assert ids(follower, len(expected)) == [one.decision_id for one in expected]
    with pytest.raises(RuntimeError):  # it looked again, and there was nothing else
        next(follower)


def test_nothing_that_is_there_is_shown_when_none_is_wanted(log: DatabaseLog) -> None:
    now = time.time_ns() // 1_000_000
    log.append([decision(at_ms=now - 1_000)])
    new = decision(at_ms=now + 60_000)
    follower = follow(log, LogFilter(), 0, wait=lambda: log.append([new]))
    assert ids(follower, 1) == [new.decision_id]


def test_all_since_a_time_are_shown_and_what_comes_late_or_after(log: DatabaseLog) -> None:
    now = time.time_ns() // 1_000_000
    before, *old = [decision(at_ms=now - LATE_MS * i) for i in (9, 5, 4, 1)]
    log.append([before, *old])
    late, new = decision(at_ms=now - LATE_MS // 2), decision(at_ms=now + 5)
    coming = iter([[late], [new]])
    wanted = LogFilter(since_ms=old[0].at_ms)
    follower = follow(log, wanted, None, wait=lambda: log.append(next(coming)))
    assert ids(follower, 5) == [one.decision_id for one in (*old, late, new)]
    with pytest.raises(RuntimeError):
        next(follower)


def test_since_a_time_nothing_has_come_yet_the_first_one_is_not_missed(log: DatabaseLog) -> None:
    now = time.time_ns() // 1_000_000
    first = decision(at_ms=now - 100)  # decided before the follower looked, written after
    follower = follow(log, LogFilter(since_ms=now - 60_000), None, wait=lambda: log.append([first]))
    assert ids(follower, 1) == [first.decision_id]


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    settings = Settings.load(database=f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(SettingsError, match=r"names .*/none.db, and there is no such file: name "):
        reading(settings).__enter__()
    assert not (tmp_path / "none.db").exists()
