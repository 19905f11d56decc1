"""The decision log, the same on every database."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy

from tests.records import NOON, decision, outcome
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import PAGE, DatabaseLog
from waypost_server.adapters.log_tables import DECISIONS, SCHEMA, set_state
from waypost_server.core.decision_log import DecisionRecord, LogFilter, OutcomeRecord
from waypost_server.core.errors import DecisionLogError, RefusedRecordError
from waypost_server.core.outcome import Outcome
from waypost_server.core.report import OutcomeReport
from waypost_server.core.retention import DAY_MS, HOUR_MS
from waypost_server.service.ids import new_decision_id

EVERYTHING = LogFilter()


@pytest.fixture
def log(database_url: str) -> Iterator[DatabaseLog]:
    opened = DatabaseLog(open_database(database_url))
    yield opened
    opened.close()


def ids(log: DatabaseLog, wanted: LogFilter = EVERYTHING) -> list[str]:
    return [one.decision.decision_id for one in log.between(wanted) if one.decision]


def test_what_is_kept_comes_back_as_it_was(log: DatabaseLog) -> None:
    whole = decision()
    bare = DecisionRecord(
        decision_id=new_decision_id(),
        at_ms=NOON + 1,
        **{
            name: getattr(whole, name)
            for name in (
                *("route", "outcome", "action", "reasons", "confidence", "similarity"),
                *("threshold", "calibration", "stage", "index_version", "encoder_fingerprint"),
            )
        },
    )
    said = outcome(whole.decision_id)
    log.append([whole, bare, said])
    found = log.find(whole.decision_id)
    assert found is not None
    assert (found.decision, found.outcomes) == (whole, (said,))
    assert list(log.between(EVERYTHING)) == [found, log.find(bare.decision_id)]
    assert log.find(new_decision_id()) is None


def test_a_batch_that_is_given_again_is_kept_once(log: DatabaseLog) -> None:
    first, second = decision(), decision(at_ms=NOON + 1)
    said = outcome(first.decision_id)
    log.append([first, said])
    log.append([first, said, second])
    log.append([])
    assert ids(log) == [first.decision_id, second.decision_id]
    found = log.find(first.decision_id)
    assert found is not None
    assert found.outcomes == (said,)


def test_reports_join_their_decision_whenever_they_come(log: DatabaseLog) -> None:
    record = decision()
    early = outcome(record.decision_id, at_ms=NOON - 5)
    log.append([early])
    alone = log.find(record.decision_id)
    assert alone is not None
    assert (alone.decision, alone.outcomes) == (None, (early,))
    assert ids(log) == []
    thought = OutcomeRecord(
        report=OutcomeReport(decision_id=record.decision_id, note="late"), caller="", at_ms=NOON
    )
    log.append([thought, record])
    # The client sends the same again, and another process hears it.
    log.append([outcome(record.decision_id, at_ms=NOON + 99)])
    [found] = log.between(EVERYTHING)
    assert found.outcomes == (early, thought)


def test_free_text_is_redacted_and_nothing_else_changes(log: DatabaseLog) -> None:
    record = decision(
        text="mail a@b.example", rejection_reason="its IBAN is DE89370400440532013000"
    )
    said = outcome(record.decision_id, note="paid with 4111 1111 1111 1111")
    log.append([record, said])
    found = log.find(record.decision_id)
    assert found is not None
    assert found.decision == replace(
        record,
        text="mail [redacted: email]",
        text_redacted=True,
        rejection_reason="its IBAN is [redacted: iban]",
    )
    assert isinstance(said, OutcomeRecord)
    note = "paid with [redacted: card_number]"
    assert found.outcomes == (replace(said, report=replace(said.report, note=note)),)


def test_metadata_is_redacted_by_what_it_says_and_by_its_name(log: DatabaseLog) -> None:
    record = decision(metadata={"channel": "chat", "from": "a@b.example", "password": "hunter22"})
    log.append([record])
    found = log.find(record.decision_id)
    assert found is not None
    assert found.decision is not None
    said = found.decision.metadata
    assert said == {
        "channel": "chat",
        "from": "[redacted: email]",
        "password": "[redacted: password]",
    }


def test_rows_of_an_older_waypost_stay_and_are_read(database_url: str) -> None:
    """Records as they were written before plan, flags, metadata and what asking cost were kept."""
    engine = open_database(database_url)
    log, record = DatabaseLog(engine), decision()
    log.append([record, outcome(record.decision_id)])
    with engine.begin() as connection:
        [(text,)] = connection.execute(sqlalchemy.select(DECISIONS.c.record))
        rest = json.loads(text)
        for name in ("flags", "plan", "metadata", "consultation_usd", "excluded_models"):
            del rest[name]
        connection.execute(DECISIONS.update().values(record=json.dumps(rest)))
    log.close()
    log = DatabaseLog(open_database(database_url))
    new = decision(at_ms=NOON + 1)
    log.append([new])
    found = [one.decision for one in log.between(EVERYTHING)]
    unkept = dict.fromkeys(("flags", "plan", "metadata", "consultation_usd", "excluded_models"))
    older = replace(record, **unkept)  # type: ignore[arg-type]
    assert found == [older, new]
    assert [len(one.outcomes) for one in log.between(EVERYTHING)] == [1, 0]
    log.close()


def test_filters_agree_with_looking_at_each(log: DatabaseLog) -> None:
    records = [
        decision(
            at_ms=NOON + i // 2,
            route=route,
            tenant=tenant,
            outcome=what,
            request_id="rR"[i % 2],
            metadata={"request_id": "R"},  # of the caller's, which is another thing
        )
        for i, (route, tenant, what) in enumerate(
            (route, tenant, what)
            for route in ("music", "travel")
            for tenant in ("acme", "")
            for what in (Outcome.MATCHED, Outcome.FALLBACK, Outcome.OUT_OF_SCOPE)
        )
    ]
    log.append(records[::-1])
    for wanted in (
        EVERYTHING,
        LogFilter(route="music"),
        LogFilter(tenant=""),
        LogFilter(outcome=Outcome.FALLBACK),
        LogFilter(since_ms=NOON + 2, until_ms=NOON + 4),
        LogFilter(since_ms=NOON + 1, route="travel", tenant="acme", outcome=Outcome.MATCHED),
        LogFilter(route="nowhere"),
        LogFilter(request_id="R"),
        LogFilter(request_id="r", route="music"),
        LogFilter(request_id="rR"),
    ):
        expected = [
            one.decision_id
            for one in sorted(records, key=lambda one: (one.at_ms, one.decision_id))
            if (wanted.since_ms is None or one.at_ms >= wanted.since_ms)
            and (wanted.until_ms is None or one.at_ms < wanted.until_ms)
            and wanted.route in (None, one.route)
            and wanted.tenant in (None, one.tenant)
            and wanted.outcome in (None, one.outcome)
            and wanted.request_id in (None, one.request_id)
        ]
        assert ids(log, wanted) == expected
        assert log.count(wanted) == len(expected)
        last = [one.decision.decision_id for one in log.last(wanted, 3) if one.decision]
        assert last == expected[-3:]


def test_more_than_a_page_is_read_in_order_and_whole(log: DatabaseLog) -> None:
    # Many of one millisecond, so that a page ends within it.
    records = [decision(at_ms=NOON + i // 700, text=None) for i in range(2 * PAGE + 400)]
    for start in range(0, len(records), 256):
        log.append(records[start : start + 256])
    log.append([outcome(records[-1].decision_id)])
    found = list(log.between(EVERYTHING))
    assert [one.decision for one in found] == records
    assert [len(one.outcomes) for one in found] == [0] * (len(records) - 1) + [1]


def test_processes_may_make_the_tables_at_the_same_time(database_url: str) -> None:
    logs = [DatabaseLog(open_database(database_url)) for _ in range(4)]
    records = [decision(at_ms=NOON + i) for i in range(4)]
    barrier = Barrier(4)

    def begin(i: int) -> None:
        barrier.wait()
        logs[i].append([records[i]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, range(4)))
    assert ids(logs[0]) == [record.decision_id for record in records]
    for log in logs:
        log.close()


def test_tables_of_a_newer_waypost_are_left_alone(database_url: str) -> None:
    engine = open_database(database_url)
    DatabaseLog(engine).append([decision()])
    with engine.begin() as connection:
        set_state(connection, "schema", SCHEMA + 1)
    log = DatabaseLog(engine)
    with pytest.raises(DecisionLogError, match=rf"newer Waypost .* {SCHEMA + 1}, .* {SCHEMA}\)"):
        log.append([decision()])
    with pytest.raises(DecisionLogError, match="newer Waypost"):
        log.count(EVERYTHING)
    engine.dispose()


def test_a_record_that_no_database_takes_is_refused_with_its_batch(log: DatabaseLog) -> None:
    good, bad = decision(), decision(tenant="lone \ud800 surrogate")
    with pytest.raises(RefusedRecordError):
        log.append([good, bad])
    assert ids(log) == []
    log.append([good])
    assert ids(log) == [good.decision_id]


def test_what_is_too_old_is_deleted_a_little_at_a_time(log: DatabaseLog) -> None:
    records = [decision(at_ms=NOON + i) for i in range(10)]
    log.append([*records, *(outcome(one.decision_id, at_ms=one.at_ms) for one in records)])
    assert log.delete_before(NOON + 5, limit=3) == 6
    assert ids(log) == [one.decision_id for one in records[3:]]
    assert log.delete_before(NOON + 5, limit=3) == 4
    assert log.delete_before(NOON + 5, limit=3) == 0
    assert ids(log) == [one.decision_id for one in records[5:]]
    assert log.find(records[4].decision_id) is None


def test_one_process_at_a_time_sweeps(database_url: str) -> None:
    logs = [DatabaseLog(open_database(database_url)) for _ in range(4)]
    logs[0].count(EVERYTHING)
    assert logs[0].claim_sweep(NOON, HOUR_MS) == NOON
    barrier = Barrier(4)

    def claim(log: DatabaseLog) -> int | None:
        barrier.wait()
        try:
            return log.claim_sweep(NOON + HOUR_MS, HOUR_MS)
        except DecisionLogError:  # SQLite lets a reader not become a writer behind another's back
            return None

    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(claim, logs))
    assert sorted(claimed, key=lambda one: one is None) == [NOON + HOUR_MS, None, None, None]
    assert logs[1].claim_sweep(NOON + 2 * HOUR_MS - 1, HOUR_MS) is None
    assert logs[1].claim_sweep(NOON + 400 * DAY_MS, HOUR_MS) == NOON + HOUR_MS + DAY_MS
    assert logs[2].claim_sweep(NOON + 2 * HOUR_MS, HOUR_MS) == NOON + 2 * HOUR_MS
    for log in logs:
        log.close()


def test_a_database_that_is_no_database_is_named_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database " * 100)
    log = DatabaseLog(open_database(f"sqlite:///{tmp_path}/text.db"))
    with pytest.raises(DecisionLogError, match="cannot be used: file is not a database"):
        log.append([decision()])
    log.close()
    gone = DatabaseLog(open_database(f"postgresql://me:secret@/x?unix_sock={tmp_path}/none"))
    with pytest.raises(DecisionLogError) as error:
        gone.append([decision()])
    assert "secret" not in str(error.value)


def test_a_database_that_comes_later_is_used_then(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.write_text("in the way")
    log = DatabaseLog(open_database(f"sqlite:///{path}/waypost.db"))
    with pytest.raises(DecisionLogError):
        log.append([decision()])
    path.unlink()
    record = decision()
    log.append([record])
    assert ids(log) == [record.decision_id]
    log.close()


def test_the_rest_of_a_record_is_json_that_sql_can_read(tmp_path: Path) -> None:
    record = decision()
    log = DatabaseLog(open_database(f"sqlite:///{tmp_path}/waypost.db"))
    log.append([record])
    log.close()
    connection = sqlite3.connect(tmp_path / "waypost.db")
    [(stage, models)] = connection.execute(
        "SELECT record ->> '$.stage', record ->> '$.models' FROM log_decisions"
    )
    connection.close()
    assert (stage, json.loads(models)) == (record.stage, list(record.models))


def test_its_size_is_that_of_what_is_kept(log: DatabaseLog) -> None:
    log.append([decision()])
    empty = log.size_bytes()
    records = [decision() for _ in range(500)]
    log.append(records)
    kept = sum(len(record.text or "") + len(record.rejection_reason) for record in records)
    assert empty + kept < log.size_bytes() < empty + 10_000 * len(records)


def test_the_size_of_files_has_what_was_written_lately(tmp_path: Path) -> None:
    log = DatabaseLog(open_database(f"sqlite:///{tmp_path}/waypost.db"))
    assert log.size_bytes() == 0
    log.append([decision() for _ in range(50)])
    assert log.size_bytes() == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (tmp_path / "waypost.db-wal").stat().st_size > 50_000
    log.close()
