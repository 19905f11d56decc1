"""Appends the records of shadow runs to a file, beside the event loop."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from waypost_client.dispatch._counts import Counts

WAITING = 1_000
"""Records that may wait for the disk."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
"""To read is for the last byte. Without blocking, lest a pipe that nobody reads holds a thread."""

_log = logging.getLogger(__name__)


class ShadowLog:
    """A file of lines. Several processes may append to it at a time. For one event loop."""

    def __init__(self, path: Path, counts: Counts) -> None:
        """Opens nothing yet; the file is opened anew for each batch, so that it may be moved."""
        self._path = path
        self._counts = counts
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._writer: asyncio.Task[None] | None = None
        self._waiting = 0
        self._has_warned = False

    def put(self, line: bytes) -> None:
        """Takes a line; drops and counts it when too many wait."""
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        try:
            self._queue.put_nowait(line)
        except asyncio.QueueFull:
            self._drop(1, "too many wait already")
        else:
            self._waiting += 1

    async def close(self, patience_s: float) -> None:
        """Writes what waits, for so long; what is left then is dropped and counted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._queue.join()
        if self._writer:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        if self._waiting:
            self._drop(self._waiting, "the dispatcher was closed")

    async def _write_all(self) -> None:
        while True:
            lines = [await self._queue.get()]
            while not self._queue.empty():
                lines.append(self._queue.get_nowait())
            written, why = await asyncio.to_thread(append, self._path, lines)
            if written < len(lines):
                self._drop(len(lines) - written, why)
            self._waiting -= len(lines)
            for _ in lines:
                self._queue.task_done()

    def _drop(self, count: int, why: str) -> None:
        self._counts.shadow_records_dropped += count
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "a shadow run was not recorded in %s, and the next ones are only counted: %s",
                self._path,
                why,
            )


def append(path: Path, lines: Sequence[bytes]) -> tuple[int, str]:
    """Appends lines to a file that only its owner may read, each by one write.

    Returns:
        How many were written, and why not the others.
    """
    written = 0
    try:
        file = os.open(path, _FLAGS, 0o600)
        try:
            _end_last_line(file)
            for line in lines:
                if os.write(file, line) < len(line):
                    return written, "the disk is full"
                written += 1
        finally:
            os.close(file)
    except OSError as error:
        return written, error.strerror or type(error).__name__
    return written, ""


def _end_last_line(file: int) -> None:
    """Ends a line that a crash or a full disk has cut, so that it damages no other."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
