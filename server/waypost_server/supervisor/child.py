"""A server process, as the supervisor sees it."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Self

from waypost_server.supervisor.job import Job

MEMBER = "waypost_server.supervisor.member"


class Child:
    """A process that runs `member`, in a group of its own: Ctrl-C reaches the supervisor alone."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._began = time.monotonic()

    @classmethod
    async def start(cls, job: Job) -> Self:
        """Starts one; raises OSError when the system has no room for it."""
        # -P, because `-m` alone lets the modules of the working directory come first.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", MEMBER, stdin=PIPE, stdout=PIPE, process_group=0
        )
        if process.stdin:
            process.stdin.write(job.to_line())
        return cls(process)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    async def ready(self) -> str | None:
        """Waits until it answers; its index version, or None when it ended before."""
        return await self.heard()

    async def heard(self) -> str | None:
        """Waits for its next line; None when it has ended."""
        line = await self._process.stdout.readline() if self._process.stdout else b""
        return line.decode().strip() or None

    def say(self, line: str) -> None:
        """Sends it a line, unless it has ended."""
        if self._process.stdin and self._process.returncode is None:
            self._process.stdin.write(f"{line}\n".encode())

    async def ended(self) -> int:
        """Waits for its end; its exit code, or the negated signal that ended it."""
        return await self._process.wait()

    def terminate(self) -> None:
        """Lets it finish its calls and leave."""
        self._send(signal.SIGTERM)

    def reload(self) -> None:
        """Lets it read its settings again."""
        self._send(signal.SIGHUP)

    def kill(self) -> None:
        """Ends it at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


def manner_of(status: int) -> str:
    """How a process ended, in words."""
    return f"exit code {status}" if status >= 0 else signal.Signals(-status).name
