"""Records that wait to be written, in bounded memory."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from waypost_server.core.decision_log import Record
from waypost_server.service.log_records import size_of


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A record that waits.

    Attributes:
        record: the record.
        size: memory that it takes, in bytes.
        written: to be told whether it is on disk; None where nobody asks.
    """

    record: Record
    size: int
    written: asyncio.Future[bool] | None = None

    @classmethod
    def of(cls, record: Record, written: asyncio.Future[bool] | None) -> "Entry":
        """A record with its size."""
        return cls(record, size_of(record), written)


class Buffer:
    """First in, first out, between any threads and one that writes.

    What is being written takes room until it is `done`. When there is none, what comes last is
    refused: what led to a fault is then kept, and what is kept has no holes.
    """

    def __init__(self, *, max_records: int, max_bytes: int, batch: int) -> None:
        """Is empty.

        Args:
            max_records: how many may wait.
            max_bytes: how much memory they may take.
            batch: how many are taken at a time, at most.
        """
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._batch = batch
        self._entries: deque[Entry] = deque()
        self._open: dict[Entry, None] = {}  # with those that are being written, in their order
        self._bytes = 0
        self._is_urgent = False
        self._is_closed = False
        self._is_given_up = False
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        """How many wait or are being written."""
        return len(self._open)

    @property
    def has_room(self) -> bool:
        """Whether no more than half of it is taken."""
        return 2 * self.count <= self._max_records and 2 * self._bytes <= self._max_bytes

    def put(self, entry: Entry) -> bool:
        """Whether there was room, and the buffer is not closed."""
        with self._changed:
            if (
                self._is_closed
                or self.count >= self._max_records
                or self._bytes + entry.size > self._max_bytes
            ):
                return False
            self._entries.append(entry)
            self._open[entry] = None
            self._bytes += entry.size
            urgent = entry.written is not None and not self._is_urgent
            self._is_urgent |= urgent
            # Each time the other thread wakes up, it takes the interpreter from this one.
            if urgent or len(self._entries) in (1, self._batch):
                self._changed.notify()
        return True

    def take(self, linger_s: float) -> Sequence[Entry]:
        """The next ones, as soon as there is one; none once the buffer is closed and empty.

        Args:
            linger_s: how long to wait for others, if nobody asks when it is written.
        """
        with self._changed:
            while not self._entries and not self._is_closed:
                self._changed.wait()
            until = time.monotonic() + linger_s
            while not (self._is_urgent or self._is_closed or len(self._entries) >= self._batch):
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            taken = [self._entries.popleft() for _ in range(min(self._batch, len(self._entries)))]
            self._is_urgent &= bool(self._entries)
            return taken

    def done(self, entries: Sequence[Entry]) -> bool:
        """Makes room: they are written, or lost; False where they were given up before."""
        with self._changed:
            if self._is_given_up:
                return False
            for entry in entries:
                del self._open[entry]
                self._bytes -= entry.size
            return True

    def give_up(self) -> Sequence[Entry]:
        """Forgets what waits, and what is being written, once it is closed; returns it all."""
        with self._changed:
            left = tuple(self._open)
            self._entries.clear()
            self._open.clear()
            self._bytes = 0
            self._is_given_up = True
            return left

    def close(self) -> None:
        """Refuses what comes from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
