"""Writes decisions and reports into the decision log, beside all that callers wait for."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from waypost_server.core.decision_log import DecisionLog, Record
from waypost_server.core.errors import DecisionLogError, RefusedRecordError
from waypost_server.service.events import Decided, Reported
from waypost_server.service.log_buffer import Buffer, Entry
from waypost_server.service.log_records import decision_record, outcome_record
from waypost_server.service.loss import Loss

BATCH = 256
"""Records of a transaction at most: written in 10 to 20 ms, of which Python takes a half."""

LINGER_SECONDS = 0.1
"""From a record that nobody waits for to its transaction, so that others share it."""

WAIT_SECONDS = 2.0
"""How long a caller waits at most until its record is on disk; that takes some milliseconds."""

SHARE_OF_DEADLINE = 0.8
"""Of the time until the caller's deadline; the rest is for the answer's way back."""

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.1, 5.0
"""Between attempts to write: each is twice as long as the one before."""

LAST_ATTEMPT_SECONDS = 0.5
"""For an attempt that is under way when the time is up."""

MEASURE_SECONDS = 60.0
"""Between two looks at the log's size: of PostgreSQL each takes a millisecond."""

_log = logging.getLogger(__name__)


class Journal:
    """An observer that keeps what it hears of; for one event loop.

    Attributes:
        written: records on disk so far.
        dropped: records lost so far.
        problem: why the last attempt to write failed; empty when it did not.
        size_bytes: what the log took on disk when that was last measured; 0 before.
    """

    def __init__(
        self,
        log: DecisionLog,
        *,
        max_records: int,
        max_bytes: int,
        keep_text: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Starts the thread that writes.

        Args:
            log: where to.
            max_records: how many may wait for it.
            max_bytes: how much memory they may take.
            keep_text: whether queries are kept.
            clock: wall clock, in nanoseconds since 1970.
        """
        self._log = log
        self._keep_text = keep_text
        self._clock = clock
        self._buffer = Buffer(max_records=max_records, max_bytes=max_bytes, batch=BATCH)
        self._closing = threading.Event()
        self._gives_up_at = float("inf")
        self._counting = threading.Lock()
        self._loss = Loss()
        self.written = 0
        self.dropped = 0
        self.problem = ""
        self.size_bytes = 0
        self._measures_at = 0.0
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Records that wait to be written."""
        return self._buffer.count

    def decided(self, event: Decided) -> None:
        """Keeps a decision."""
        record = decision_record(event, at_ms=self._now_ms(), keep_text=self._keep_text)
        self._keep(record, event.written)

    def reported(self, event: Reported) -> None:
        """Keeps a report."""
        self._keep(outcome_record(event, at_ms=self._now_ms()), event.written)

    def close(self, seconds: float) -> None:
        """Writes what waits, for as long at most; what is left then is lost and counted."""
        self._gives_up_at = time.monotonic() + seconds
        self._buffer.close()
        self._closing.set()
        self._thread.join(seconds + LAST_ATTEMPT_SECONDS)
        with self._counting:
            # Where the database neither answers nor fails: what it still writes counts as lost.
            self._count_lost([entry.record for entry in self._buffer.give_up()])
            lost = self._loss
        if self.dropped:
            _log.error("the decision log has lost %d records since the start", self.dropped)
        if lost.count:
            _log.error("the decision log ends, and what was not told yet: %s", lost)

    def _now_ms(self) -> int:
        return self._clock() // 1_000_000

    def _keep(self, record: Record, written: asyncio.Future[bool] | None) -> None:
        if written is not None and self.problem:
            written.set_result(False)  # it may be kept later, but nobody should wait for that
            written = None
        if not self._buffer.put(Entry.of(record, written)):
            with self._counting:
                self._count_lost([record])
            if written is not None:
                written.set_result(False)

    def _run(self) -> None:
        while entries := self._buffer.take(LINGER_SECONDS):
            self._write(entries)
            self._measure()

    def _measure(self) -> None:
        now = time.monotonic()
        if self.problem or now < self._measures_at:
            return
        self._measures_at = now + MEASURE_SECONDS
        with contextlib.suppress(DecisionLogError):  # whatever is wrong, the next record meets it
            self.size_bytes = self._log.size_bytes()

    def _write(self, entries: Sequence[Entry]) -> None:
        """Returns once they are written, or lost."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                self._log.append([entry.record for entry in entries])
            except RefusedRecordError as error:
                self._part(entries, error)
                return
            except DecisionLogError as error:
                self._fails(str(error), entries)
            except Exception as error:  # noqa: BLE001  (a bug of ours must not end the log)
                self._part(entries, error)
                return
            else:
                self._succeeds(entries)
                return
            if time.monotonic() + delay > self._gives_up_at:
                self._lose(entries)
                return
            self._closing.wait(delay)
            if self._closing.is_set():
                time.sleep(FIRST_DELAY_SECONDS)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _part(self, entries: Sequence[Entry], error: Exception) -> None:
        """One of them cannot be written: finds it, and writes the others."""
        if len(entries) == 1:
            _log.error("a record cannot be kept", exc_info=error)
            self._lose(entries)
            _tell(entries, is_written=False)
            return
        middle = len(entries) // 2
        self._write(entries[:middle])
        self._write(entries[middle:])

    def _fails(self, problem: str, entries: Sequence[Entry]) -> None:
        if not self.problem:
            _log.error("%s; decisions go on, %d records wait", problem, self.waiting)
        self.problem = problem
        _tell(entries, is_written=False)

    def _succeeds(self, entries: Sequence[Entry]) -> None:
        _tell(entries, is_written=True)
        with self._counting:
            # A database that is merely too slow begins no new spell with each batch.
            has_room = self._buffer.has_room
            if not self._buffer.done(entries):
                return
            self.written += len(entries)
            lost, waits = self._loss, bool(self._loss.count) and not has_room
            if not waits:
                self._loss = Loss()
        if self.problem or (lost.count and not waits):
            self.problem = ""
            # What is lost is known once what waits has been caught up with.
            told = f"{self.waiting} records wait" if waits else str(lost)
            _log.warning("the decision log is written again; %s", told)

    def _lose(self, entries: Sequence[Entry]) -> None:
        with self._counting:
            if self._buffer.done(entries):
                self._count_lost([entry.record for entry in entries])

    def _count_lost(self, records: Sequence[Record]) -> None:
        """Within `_counting`, as all counting is: at the end each record is in one count."""
        if not records:
            return
        if not self._loss.count:
            _log.error("the decision log loses records: %d wait to be written", self.waiting)
        self._loss.add([record.at_ms for record in records])
        self.dropped += len(records)


async def is_written(written: asyncio.Future[bool] | None, left_s: float | None) -> bool:
    """Whether a record is on disk; waits for it, but not for long.

    Args:
        written: as in the event; None: the record is not waited for.
        left_s: seconds until the caller gives up; None for never.
    """
    if written is None:
        return False
    timeout = WAIT_SECONDS if left_s is None else min(WAIT_SECONDS, left_s * SHARE_OF_DEADLINE)
    await asyncio.wait([written], timeout=max(0.0, timeout))
    return written.done() and written.result()


def _tell(entries: Iterable[Entry], *, is_written: bool) -> None:
    futures = [entry.written for entry in entries if entry.written is not None]
    if not futures:
        return
    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
        futures[0].get_loop().call_soon_threadsafe(_set, futures, is_written)


def _set(futures: Iterable[asyncio.Future[bool]], is_written: bool) -> None:
    for future in futures:
        if not future.done():
            future.set_result(is_written)
