"""What callers do not wait for is kept all the same, within bounds, and counted where it is not."""

import asyncio
import logging
from pathlib import Path

import pytest

from tests.records import NOON, MemoryLog
from tests.unit.service.engines import (
    EngineWorkers,
    GatedEncoder,
    ask,
    engine_of,
    serving,
)
from tests.unit.service.journals import GONE, decided, journal_on, renamed, until
from waypost_server.core.decision_log import DecisionRecord, OutcomeRecord
from waypost_server.core.query import Conversation, Query
from waypost_server.core.report import OutcomeReport, SpecialistOutcome
from waypost_server.service.caller import Caller
from waypost_server.service.engine import Engine
from waypost_server.service.events import Reported
from waypost_server.service.ids import new_decision_id
from waypost_server.service.journal import BATCH, is_written
from waypost_server.service.log_records import size_of
from waypost_server.service.routed import Routed


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return engine_of(GatedEncoder(), tmp_path)


@pytest.fixture
def routed(engine: Engine) -> Routed:
    return ask(engine, Query(text="a red apple"))


async def test_what_is_kept_is_what_was_decided(log: MemoryLog, engine: Engine) -> None:
    query = Query(
        text="a red apple",
        request_id="r",
        conversation=Conversation(session_id="s", recent_user_turns=("earlier",)),
        tenant="acme",
        metadata={"kept": "with the text"},
        allowed_routes=frozenset(("metal", "fruit")),
        rejected_routes=("metal",),
    )
    routed = ask(engine, query)
    report = OutcomeReport(decision_id=routed.decision_id, outcome=SpecialistOutcome.ACCEPTED)
    async with journal_on(log, keep_text=True) as journal:
        journal.decided(
            decided(routed, rejected_decision="an earlier one", rejection_reason="not mine")
        )
        journal.reported(Reported(report=report, caller=Caller(name="ci"), known=False))
    [[kept, said]] = log.batches
    assert isinstance(kept, DecisionRecord)
    assert said == OutcomeRecord(report=report, caller="ci", at_ms=NOON)
    decision, best = routed.decision, routed.decision.candidates[0]
    assert (kept.decision_id, kept.at_ms, kept.text) == (routed.decision_id, NOON, "a red apple")
    assert (kept.tenant, kept.caller, kept.request_id, kept.session_id) == ("acme", "ci", "r", "s")
    assert (kept.route, kept.outcome, kept.action) == ("fruit", decision.outcome, decision.action)
    assert (kept.reasons, kept.fallback_route) == (decision.reasons, decision.fallback_route)
    assert (kept.confidence, kept.similarity) == (best.confidence, best.similarity)
    assert (kept.threshold, kept.stage) == (best.threshold, routed.stage)
    assert [c.route for c in kept.candidates] == [c.route for c in decision.candidates]
    assert (kept.models, kept.index_version, kept.encoder_fingerprint) == (("m",), "v1", "ee")
    assert (kept.allowed_routes, kept.rejected_routes) == (("fruit", "metal"), ("metal",))
    assert (kept.rejected_decision, kept.rejection_reason) == ("an earlier one", "not mine")
    assert kept.timings.total_us == routed.timings.total_ns // 1000
    assert "earlier" not in repr(kept).replace("an earlier one", "")
    assert kept.metadata == {"kept": "with the text"}


async def test_queries_are_not_kept_unless_asked_for(log: MemoryLog, routed: Routed) -> None:
    async with journal_on(log) as journal:
        journal.decided(decided(routed))
    assert "apple" not in repr(log.batches)


async def test_who_asks_is_told_once_it_is_written(log: MemoryLog, routed: Routed) -> None:
    async with journal_on(log) as journal:
        log.gate.clear()
        event = decided(routed, asks=True)
        journal.decided(event)
        assert event.written is not None
        await until(lambda: log.attempts == 1)
        await asyncio.sleep(0.05)
        assert not event.written.done()
        assert (journal.written, journal.waiting) == (0, 1)
        log.gate.set()
        assert await is_written(event.written, None)
        await until(lambda: (journal.written, journal.waiting) == (1, 0))


async def test_nobody_waits_beyond_its_deadline(log: MemoryLog, routed: Routed) -> None:
    async with journal_on(log) as journal:
        log.gate.clear()
        event = decided(routed, asks=True)
        journal.decided(event)
        assert not await is_written(event.written, 0.1)
        assert not await is_written(event.written, -1.0)
        assert not await is_written(None, None)
        log.gate.set()
        assert await is_written(event.written, None)  # it was kept all the same


async def test_records_share_transactions_in_their_order(log: MemoryLog, routed: Routed) -> None:
    ids = [new_decision_id() for _ in range(3 * BATCH)]
    async with journal_on(log, max_records=3 * BATCH) as journal:
        log.gate.clear()
        for id_ in ids:
            journal.decided(decided(renamed(routed, id_)))
        log.gate.set()
        await until(lambda: journal.written == len(ids))
    assert log.decision_ids == ids
    assert len(log.batches) <= 6
    assert max(map(len, log.batches)) <= BATCH


async def test_a_full_buffer_loses_what_comes_last_and_says_so_once(
    log: MemoryLog, routed: Routed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ids = [new_decision_id() for _ in range(15)]
    async with journal_on(log, max_records=10) as journal:
        log.gate.clear()
        for id_ in ids:
            journal.decided(decided(renamed(routed, id_)))
        assert (journal.dropped, journal.waiting) == (5, 10)
        late = decided(routed, asks=True)
        journal.decided(late)
        assert not await is_written(late.written, None)
        log.gate.set()
        await until(lambda: journal.written == 10)
        assert log.decision_ids == ids[:10]
        assert (journal.dropped, journal.waiting, journal.problem) == (6, 0, "")
        journal.decided(decided(renamed(routed, new_decision_id())))
        await until(lambda: journal.written == 11)
    said = [record.message for record in caplog.records]
    assert said == [
        "the decision log loses records: 10 wait to be written",
        "the decision log is written again; 6 records were lost, from 2027-01-15T08:00:00Z to "
        "2027-01-15T08:00:00Z",
        "the decision log has lost 6 records since the start",
    ]


async def test_after_a_fault_it_says_what_was_lost_once_it_has_caught_up(
    log: MemoryLog, routed: Routed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with journal_on(log, max_records=2 * BATCH) as journal:
        log.problem = GONE
        for _ in range(2 * BATCH + 7):
            journal.decided(decided(renamed(routed, new_decision_id())))
        await until(lambda: log.attempts >= 2)
        assert journal.dropped == 7
        log.problem = None
        await until(lambda: journal.written == 2 * BATCH)
    again = [each for each in caplog.messages if "written again" in each]
    assert again[-1].startswith("the decision log is written again; 7 records were lost, from ")
    assert again[:-1] in ([], [f"the decision log is written again; {BATCH} records wait"])


async def test_memory_is_bounded_too(log: MemoryLog, engine: Engine) -> None:
    long = ask(engine, Query(text="apple " * 5_000))
    async with journal_on(log, max_bytes=100_000, keep_text=True) as journal:
        log.gate.clear()
        for _ in range(10):
            journal.decided(decided(renamed(long, new_decision_id())))
        assert (journal.waiting, journal.dropped) == (3, 7)
        log.gate.set()
        await until(lambda: journal.waiting == 0)
        journal.decided(decided(long))
        assert journal.dropped == 7
    assert all(size_of(record) > 30_000 for batch in log.batches for record in batch)


async def test_while_the_database_is_gone_nothing_is_lost_and_nobody_waits(
    log: MemoryLog, routed: Routed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with journal_on(log) as journal:
        log.problem = GONE
        first = decided(routed, asks=True)
        journal.decided(first)
        assert not await is_written(first.written, None)
        assert journal.problem == str(GONE)
        second = decided(renamed(routed, new_decision_id()), asks=True)
        journal.decided(second)
        assert second.written is not None
        assert second.written.done()
        await until(lambda: log.attempts >= 3)
        assert (journal.written, journal.dropped, journal.waiting) == (0, 0, 2)
        log.problem = None
        await until(lambda: journal.written == 2)
        assert (journal.problem, journal.dropped, journal.waiting) == ("", 0, 0)
        third = decided(renamed(routed, new_decision_id()), asks=True)
        journal.decided(third)
        assert await is_written(third.written, None)
    said = [record.message for record in caplog.records]
    assert said == [
        f"{GONE}; decisions go on, 1 records wait",
        "the decision log is written again; no record was lost",
    ]


@pytest.mark.parametrize("bad", [0, 3, 6])
async def test_a_record_that_cannot_be_kept_is_lost_alone(
    log: MemoryLog, engine: Engine, bad: int
) -> None:
    log.refused.add("fruit")
    routed = [
        ask(engine, Query(text="a red apple" if i == bad else "an iron bar")) for i in range(7)
    ]
    async with journal_on(log) as journal:
        events = [decided(one, asks=True) for one in routed]
        for event in events:
            journal.decided(event)
        told = [await is_written(event.written, None) for event in events]
        await until(lambda: journal.waiting == 0)
        assert (journal.written, journal.dropped, journal.problem) == (6, 1, "")
    assert told == [i != bad for i in range(7)]
    assert log.decision_ids == [one.decision_id for i, one in enumerate(routed) if i != bad]


async def test_a_bug_ends_no_thread(log: MemoryLog, routed: Routed) -> None:
    async with journal_on(log) as journal:
        log.problem = ZeroDivisionError("a bug")
        journal.decided(decided(routed))
        await until(lambda: journal.dropped == 1)
        log.problem = None
        journal.decided(decided(routed))
        await until(lambda: journal.written == 1)


async def test_the_logs_size_is_measured_now_and_then_where_it_can_be(
    log: MemoryLog, routed: Routed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journal_on(log) as journal:
        assert journal.size_bytes == 0
        log.size_problem = GONE
        journal.decided(decided(routed))
        await until(lambda: log.measured == 1)
        log.size_problem = None
        journal.decided(decided(routed))
        await until(lambda: journal.written == 2)
        assert (log.measured, journal.size_bytes, journal.problem) == (1, 0, "")
    monkeypatch.setattr("waypost_server.service.journal.MEASURE_SECONDS", 0.0)
    async with journal_on(log) as journal:
        for size in (3_000, 4_000):
            journal.decided(decided(routed))
            await until(lambda size=size: journal.size_bytes == size)  # type: ignore[misc]


async def test_a_server_waits_for_the_log_and_says_how_it_is(
    log: MemoryLog, engine: Engine
) -> None:
    async with journal_on(log) as journal:
        workers = EngineWorkers(engine, threads=1, capacity=8)
        async with serving(workers, observers=[journal], journal=journal) as client:
            contract = await client.route("a red apple", wait_for_log=True)
            assert contract.durable
            assert log.decision_ids == [contract.decision_id]
            assert not (await client.route("a red apple")).durable
            log.problem = GONE
            lost = await client.route("a red apple", wait_for_log=True)
            assert (lost.route, lost.durable) == ("fruit", False)
