"""One of several server processes, started by the supervisor and by nobody else.

It reads its job from stdin, a line, and writes the index version to stdout, a line, when it
answers; then come the lines of `service/crew_lines.py`, both ways. The end of stdin means that the
supervisor is gone, however it went: a pipe tells it on every system and to whichever thread asks,
PR_SET_PDEATHSIG on Linux alone, and to a process whose supervisor went before it asked, never.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from waypost_server.app import run_server
from waypost_server.core.errors import WaypostError
from waypost_server.service.share import Share
from waypost_server.supervisor.job import Job

STDIN = 0
GRACE_SECONDS = 10.0
"""Beyond the drain's limit; who has not left by then, hangs."""

_log = logging.getLogger(__name__)


class Pipes:
    """To the supervisor and back; implements `service.crew_member.Link`."""

    def __init__(self) -> None:
        self._hear: Callable[[str], None] = lambda line: None
        # Not sys.stdin: its lock, held by a thread for ever, would break the interpreter's end.
        self._lines = open(STDIN, "rb", buffering=0, closefd=False)  # noqa: SIM115  (for ever)

    def line(self) -> str:
        """Waits for the next line; empty at the end."""
        return self._lines.readline().decode()

    def listen(self, hear: Callable[[str], None]) -> None:
        """Has `hear` called on this event loop with each line from the supervisor."""
        loop = asyncio.get_running_loop()

        def on_loop(line: str) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(hear, line)

        self._hear = on_loop

    def say(self, line: str) -> None:
        """Sends a line."""
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def follow(self, limit_seconds: float) -> None:
        """Hands over line by line, and leaves with the supervisor."""
        while line := self.line():
            self._hear(line)
        _log.error("the supervisor is gone; this process stops, too")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(limit_seconds)
        os._exit(1)


def main() -> None:
    """Serves until SIGTERM, or until the supervisor is gone."""
    pipes = Pipes()
    line = pipes.line()
    if not line:
        return
    job = Job.from_line(line)
    limit_seconds = job.settings.drain_seconds + GRACE_SECONDS
    threading.Thread(target=pipes.follow, args=(limit_seconds,), daemon=True).start()

    def report(address: str, index_version: str) -> None:
        pipes.say(index_version)

    try:
        run_server(
            job.settings,
            report,
            load=job.load,
            index_version=job.index_version,
            link=pipes,
            share=Share(Path(job.common_folder), job.place) if job.common_folder else None,
        )
    except WaypostError as error:
        sys.exit(f"waypost: {error}")


if __name__ == "__main__":
    main()
