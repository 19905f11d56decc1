"""One of several server processes, started by the supervisor and by nobody else.

It reads its job from stdin, a line, and writes the index version to stdout, a line, when it
answers. The end of stdin means that the supervisor is gone, however it went: a pipe tells it on
every system and to whichever thread asks, PR_SET_PDEATHSIG on Linux alone, and to a process whose
supervisor went before it asked, never.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from waypost_server.app import run_server
from waypost_server.core.errors import WaypostError
from waypost_server.service.share import Share
from waypost_server.supervisor.job import Job

STDIN = 0
GRACE_SECONDS = 10.0
"""Beyond the drain's limit; who has not left by then, hangs."""


def main() -> None:
    """Serves until SIGTERM, or until the supervisor is gone."""
    line = sys.stdin.readline()
    if not line:
        return
    job = Job.from_line(line)
    threading.Thread(
        target=_leave_with_supervisor,
        args=(job.settings.drain_seconds + GRACE_SECONDS,),
        daemon=True,
    ).start()
    try:
        run_server(
            job.settings,
            _report,
            load=job.load,
            index_version=job.index_version,
            share=Share(Path(job.common_folder), job.place) if job.common_folder else None,
        )
    except WaypostError as error:
        sys.exit(f"waypost: {error}")


def _report(address: str, index_version: str) -> None:
    sys.stdout.write(f"{index_version}\n")
    sys.stdout.flush()


def _leave_with_supervisor(limit_seconds: float) -> None:
    # Not sys.stdin: its lock, held by this thread for ever, would break the interpreter's end.
    while os.read(STDIN, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(limit_seconds)
    os._exit(1)


if __name__ == "__main__":
    main()
