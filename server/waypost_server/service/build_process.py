"""A build in a process of its own, so that serving keeps its cores and its memory."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from waypost_server.core.building import BuildPhase, BuildStep

NICENESS = 19
"""The least share of a core that something else wants."""

GRACE_SECONDS = 5.0
"""After SIGTERM; a build that has not left by then is killed, which harms nothing either."""

LAST_WORDS = 40
"""Lines of stderr that are logged when a build fails."""

_log = logging.getLogger(__name__)


class BuildProcess:
    """Runs `waypost build` and follows it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Starts nothing yet.

        Args:
            arguments: of `waypost`, that make it print `BuildStep`s as lines of JSON.
        """
        # -P, because `-m` alone lets the modules of the working directory come first.
        self._command = (sys.executable, "-P", "-m", "waypost_server", *arguments)

    async def steps(self) -> AsyncGenerator[BuildStep, None]:
        """Its steps; if it fails, the last one is REFUSED. Ends it when the caller goes away."""
        running = await asyncio.to_thread(_Running, self._command, asyncio.get_running_loop())
        phase = None
        try:
            while line := await running.lines.get():
                step = _step(line)
                phase = step.phase
                yield step
            status = await asyncio.to_thread(running.wait)
            if status and phase is not BuildPhase.REFUSED:
                _log.error("a build ended with status %d: %s", status, "".join(running.words))
                yield BuildStep(
                    phase=BuildPhase.REFUSED,
                    problems=(f"the build ended with status {status}; the server's log has more",),
                )
        finally:
            await asyncio.shield(asyncio.to_thread(running.end))


class _Running:
    """The process, and threads that read what it says.

    Not asyncio's: uvloop forks, and gRPC, whose handlers run at a fork, crashed one child in six.
    `subprocess` uses vfork, at which nothing runs.
    """

    def __init__(self, command: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.words: deque[str] = deque(maxlen=LAST_WORDS)
        self.process = subprocess.Popen(  # noqa: S603  (our own command)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the server, which then ends it
        )
        with suppress(OSError):  # it has ended, or it may not: then it competes
            os.setpriority(os.PRIO_PROCESS, self.process.pid, NICENESS)
        self._threads = [
            threading.Thread(target=self._read_steps, args=(loop,), daemon=True),
            threading.Thread(target=self._read_words, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_steps(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended
            for line in self.process.stdout or ():
                loop.call_soon_threadsafe(self.lines.put_nowait, line)
            loop.call_soon_threadsafe(self.lines.put_nowait, "")

    def _read_words(self) -> None:
        self.words.extend(self.process.stderr or ())

    def wait(self) -> int:
        """Waits for its end and its last words; its exit code, or the negated signal."""
        status = self.process.wait()
        for thread in self._threads:
            thread.join()
        return status

    def end(self) -> None:
        """Ends it, if it has not ended."""
        self.process.terminate()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


def _step(line: str) -> BuildStep:
    said = json.loads(line)
    return BuildStep(
        phase=BuildPhase(said["phase"]),
        done=said["done"],
        total=said["total"],
        index_version=said["index_version"],
        problems=tuple(said["problems"]),
    )
