"""A build in a process of its own, so that serving keeps its cores and its memory."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
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
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, process_group=0
        )
        with suppress(OSError):  # it has ended, or it may not: then it competes
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        words: deque[str] = deque(maxlen=LAST_WORDS)
        listening = asyncio.create_task(_listen(process, words))
        phase = None
        try:
            async for line in _lines(process.stdout):
                step = _step(line)
                phase = step.phase
                yield step
            status = await process.wait()
            await listening
            if status and phase is not BuildPhase.REFUSED:
                _log.error("a build ended with status %d: %s", status, "\n".join(words))
                yield BuildStep(
                    phase=BuildPhase.REFUSED,
                    problems=(f"the build ended with status {status}; the server's log has more",),
                )
        finally:
            listening.cancel()
            await asyncio.shield(asyncio.create_task(_end(process)))


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listen(process: Process, words: deque[str]) -> None:
    async for line in _lines(process.stderr):
        words.append(line.rstrip())


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    while stream and (line := await stream.readline()):
        yield line.decode(errors="replace")


def _step(line: str) -> BuildStep:
    said = json.loads(line)
    return BuildStep(
        phase=BuildPhase(said["phase"]),
        done=said["done"],
        total=said["total"],
        index_version=said["index_version"],
        problems=tuple(said["problems"]),
    )
