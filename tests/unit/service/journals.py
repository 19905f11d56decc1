"""Journals for tests, and what they keep."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.records import NOON, MemoryLog
from waypost_server.core.errors import DecisionLogError
from waypost_server.service.caller import Caller
from waypost_server.service.events import Decided
from waypost_server.service.journal import Journal
from waypost_server.service.routed import Routed

GONE = DecisionLogError("the decision log cannot be used: gone")
PATIENCE_SECONDS = 20.0


@asynccontextmanager
async def journal_on(
    log: MemoryLog,
    *,
    max_records: int = 100,
    max_bytes: int = 2**24,
    keep_text: bool = False,
    now_ms: Callable[[], int] = lambda: NOON,
) -> AsyncIterator[Journal]:
    journal = Journal(
        log,
        max_records=max_records,
        max_bytes=max_bytes,
        keep_text=keep_text,
        clock=lambda: now_ms() * 1_000_000,
    )
    try:
        yield journal
    finally:
        log.gate.set()
        await asyncio.to_thread(journal.close, 0.0)


def decided(routed: Routed, *, asks: bool = False, **fields: object) -> Decided:
    written = asyncio.get_running_loop().create_future() if asks else None
    event = {"models": ("m",), "caller": Caller(name="ci"), "written": written} | fields
    return Decided(routed=routed, index_version="v1", encoder_fingerprint="ee", **event)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  (a thread changes it)
            await asyncio.sleep(0.01)


def renamed(routed: Routed, decision_id: str) -> Routed:
    return Routed(decision_id, routed.query, routed.decision, routed.stage, routed.timings)
