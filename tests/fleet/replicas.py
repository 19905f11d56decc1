"""Replicas on addresses of their own, each of which can be told from the others by its bundle."""

import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tests.e2e.processes import READY, ROOT, STOP_SECONDS, WAYPOST, environment

NOTICE_SECONDS = "2"
"""Many times what the proxy takes to ask for health, as an operator would set it."""


class Replica:
    """A server that can be ended, and started again where it was."""

    def __init__(self, index: Path, log: IO[str], data: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.index_version = ""
        self._index = index
        self._log = log
        self._data = data

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            [*WAYPOST, "serve", "--index", str(self._index), "--address", f"127.0.0.1:{self.port}"],
            cwd=ROOT,
            env=environment(
                WAYPOST_DATABASE=f"sqlite:///{self._data}/waypost.db",
                WAYPOST_NOTICE_SECONDS=NOTICE_SECONDS,
            ),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        ready = READY.fullmatch(line)
        assert ready, f"no ready line but {line!r}"
        self.index_version = ready[2]

    def freeze(self) -> None:
        """Lets it answer nothing more, so that calls wait there."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._gone()

    def terminate(self) -> None:
        """Lets it drain."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Lets it drain and waits for its end."""
        self.terminate()
        self._gone()

    def _gone(self) -> None:
        self._process.wait(STOP_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def running_replicas(indexes: list[Path]) -> Iterator[list[Replica]]:
    """A replica an index, all ended at the end."""
    with ExitStack() as stack:
        replicas = []
        for index in indexes:
            log = stack.enter_context(tempfile.TemporaryFile("w+"))
            data = stack.enter_context(tempfile.TemporaryDirectory())
            replica = Replica(index, log, data)
            replica.start()
            stack.callback(replica.stop)
            replicas.append(replica)
        yield replicas
