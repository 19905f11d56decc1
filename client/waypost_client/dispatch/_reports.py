"""Tells the router what became of its decisions: each once, off the way of the answer."""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass

from waypost_client import (
    AsyncClient,
    Contract,
    DeadlineExceededError,
    ModelAttempt,
    OverloadedError,
    SpecialistOutcome,
    UnavailableError,
    WaypostError,
)
from waypost_client.dispatch._counts import Counts

WAITING = 10_000
"""Reports that may wait; a router that is away so long hears of no more."""

AT_ONCE = 8
"""Reports under way at a time."""

PAUSES_S = (0.2, 1.0, 5.0, 15.0)
"""Between tries. A report that arrived although its answer was lost is known by its decision."""

PASSING = (UnavailableError, OverloadedError, DeadlineExceededError)

MAX_NOTE_BYTES = 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one decision."""

    contract: Contract
    outcome: SpecialistOutcome
    attempts: Sequence[ModelAttempt]
    answered_by: str = ""
    note: str = ""


class Reporter:
    """Sends reports in the background. For one event loop."""

    def __init__(self, router: AsyncClient, counts: Counts) -> None:
        self._router = router
        self._counts = counts
        self._queue: asyncio.Queue[Report] = asyncio.Queue(WAITING)
        self._senders: list[asyncio.Task[None]] = []
        self._is_closed = False

    def put(self, report: Report) -> None:
        """Takes a report; drops and counts it when too many wait, or at the end."""
        if self._is_closed:
            self._drop("the dispatcher was closed")
            return
        if not self._senders:
            # A context of their own: they outlive the trace of the query that came first.
            self._senders = [
                asyncio.create_task(self._send_all(), context=Context()) for _ in range(AT_ONCE)
            ]
        try:
            self._queue.put_nowait(report)
        except asyncio.QueueFull:
            self._drop("too many wait already")

    async def close(self, patience_s: float) -> None:
        """Sends what waits, for so long; what is left then is dropped and counted."""
        try:
            async with asyncio.timeout(patience_s):
                await self._queue.join()
        except TimeoutError:
            for _ in range(self._queue.qsize()):
                self._drop("the dispatcher was closed")
        self._is_closed = True
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def _send_all(self) -> None:
        while True:
            report = await self._queue.get()
            try:
                await self._send(report)
            except asyncio.CancelledError:
                self._drop("the dispatcher was closed")
                raise
            except Exception as error:  # noqa: BLE001  (one bad report must not end those after it)
                self._drop(type(error).__name__)
            finally:
                self._queue.task_done()

    async def _send(self, report: Report) -> None:
        for pause_s in (*PAUSES_S, None):
            try:
                await self._router.report(
                    report.contract.decision_id,
                    report.outcome,
                    report.attempts,
                    route=report.contract.route,
                    answered_by=report.answered_by,
                    note=fitting(report.note),
                )
            except PASSING as error:
                if pause_s is None:
                    self._drop(str(error.code.name))
                else:
                    await asyncio.sleep(pause_s)
            except WaypostError as error:
                self._drop(str(error))
                return
            else:
                self._counts.reports_sent += 1
                return

    def _drop(self, why: str) -> None:
        if not self._counts.reports_dropped:
            _log.warning("an outcome was not reported, and the next ones are only counted: %s", why)
        self._counts.reports_dropped += 1


def fitting(text: str) -> str:
    """The text as the contract carries it: without lone surrogates, at most 1,024 bytes."""
    return text.encode(errors="replace")[:MAX_NOTE_BYTES].decode(errors="ignore")
