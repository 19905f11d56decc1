"""What becomes of records as a server ends: each is written, or lost and counted and told."""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.records import NOON, MemoryLog
from tests.unit.service.engines import GatedEncoder, ask, engine_of
from tests.unit.service.journals import GONE, PATIENCE_SECONDS, decided, journal_on, renamed, until
from waypost_server.core.decision_log import Record
from waypost_server.core.errors import RefusedRecordError
from waypost_server.core.query import Query
from waypost_server.service.engine import Engine
from waypost_server.service.ids import new_decision_id
from waypost_server.service.journal import BATCH
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


async def test_what_waits_is_written_at_the_end(log: MemoryLog, routed: Routed) -> None:
    ids = [new_decision_id() for _ in range(BATCH + 10)]
    async with journal_on(log, max_records=2 * BATCH) as journal:
        for id_ in ids:
            journal.decided(decided(renamed(routed, id_)))
        await asyncio.to_thread(journal.close, PATIENCE_SECONDS)
        assert (journal.written, journal.dropped) == (len(ids), 0)
        journal.decided(decided(routed))  # too late
        assert journal.dropped == 1
    assert log.decision_ids == ids


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_database_that_is_gone_holds_up_no_end(
    log: MemoryLog, routed: Routed, hangs: bool
) -> None:
    async with journal_on(log) as journal:
        log.problem = None if hangs else GONE
        if hangs:
            log.gate.clear()
        for _ in range(3):
            journal.decided(decided(renamed(routed, new_decision_id())))
        await until(lambda: log.attempts > 0)
        await asyncio.to_thread(journal.close, 0.2)
        assert (journal.written, journal.dropped) == (0, 3)


class Steps(MemoryLog):
    """A log whose attempts each hold until the test lets them go, and end as it says.

    Attributes:
        ends: of the attempts, in their order; the last one is that of all others.
        held: from which attempt on they hold.
    """

    def __init__(self, ends: Sequence[Exception | None], held: int) -> None:
        super().__init__()
        self.ends, self.held = ends, held
        self.gate.clear()

    def append(self, records: Sequence[Record]) -> None:
        attempt = self.attempts
        self.attempts += 1
        if attempt >= self.held:
            assert self.gate.wait(PATIENCE_SECONDS), "the test never opened the gate"
        if end := self.ends[min(attempt, len(self.ends) - 1)]:
            raise end
        self.batches.append(list(records))


REFUSED, BUG = RefusedRecordError("no such thing"), ZeroDivisionError("a bug")


@pytest.mark.parametrize("offered", [1, 5])
@pytest.mark.parametrize(
    ("ends", "held"),
    [
        pytest.param([None], 0, id="written after all"),
        pytest.param([GONE], 0, id="fails after all"),
        pytest.param([GONE, None], 1, id="fails, and is written after all"),
        pytest.param([GONE], 9, id="fails again and again"),
        pytest.param([REFUSED], 0, id="refused after all"),
        pytest.param([REFUSED, None], 1, id="one half hangs"),
        pytest.param([REFUSED, None, None], 2, id="one half is written, and the other hangs"),
        pytest.param([REFUSED, None, GONE], 2, id="one half is written, the other fails after all"),
        pytest.param([REFUSED, REFUSED], 3, id="some are refused, and some hang"),
        pytest.param([BUG, GONE], 1, id="a bug, then it hangs and fails"),
        pytest.param([None], 9, id="written at once"),
    ],
)
async def test_at_the_end_each_record_is_counted_once(
    routed: Routed, ends: Sequence[Exception | None], held: int, offered: int
) -> None:
    log = Steps(ends, held)
    async with journal_on(log) as journal:

        def counts() -> tuple[int, int]:
            return journal.written + journal.dropped, journal.waiting

        for _ in range(offered):
            journal.decided(decided(renamed(routed, new_decision_id())))
        await until(lambda: log.attempts > held or counts() == (offered, 0) or held == 9)
        await asyncio.to_thread(journal.close, 0.2)
        assert counts() == (offered, 0)
        journal.decided(decided(routed))  # too late
        said = journal.written, journal.dropped
        assert sum(said) == offered + 1
        log.gate.set()
        await asyncio.to_thread(journal.close, 0)  # waits for what was under way
        assert (journal.written, journal.dropped) == said
        kept = sum(map(len, log.batches))
        assert journal.written <= kept <= offered  # what was given up may be kept all the same


async def test_at_the_end_it_says_what_was_lost_from_when_to_when(
    log: MemoryLog, routed: Routed, caplog: pytest.LogCaptureFixture
) -> None:
    minutes = count()
    log.problem = GONE
    async with journal_on(log, now_ms=lambda: NOON + 60_000 * next(minutes)) as journal:
        for _ in range(BATCH + 30):
            journal.decided(decided(renamed(routed, new_decision_id())))
        await until(lambda: log.attempts > 0)
    assert caplog.messages[-1] == (
        f"the decision log ends, and what was not told yet: {BATCH + 30} records were lost, "
        "from 2027-01-15T08:00:00Z to 2027-01-15T12:45:00Z"
    )
