"""A real Milvus, from the package `milvus`, on loopback."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 120
END_SECONDS = 30

# In a process of its own: the package starts its server in the current folder, and ends it rudely.
RUN = """
import os, sys
from milvus import MilvusServer
folder, proxy = sys.argv[1], int(sys.argv[2])
server = MilvusServer(wait_for_started=False)
server.set_base_dir(folder)
server.config.set("proxy_port", proxy)
server.config.set("system_log_level", "warn")
server.start()
print(server.server_proc.pid, server.webservice_port, flush=True)
sys.stdin.read()  # until the tests end, however they end
server.server_proc.kill()
os._exit(0)
"""


class Milvus:
    """The server; it can be stopped and started again with what it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        self._keeper = subprocess.Popen(
            [sys.executable, "-c", RUN, str(self._folder), str(self._port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        self.pid, web = map(int, self._keeper.stdout.readline().split())
        deadline = time.monotonic() + START_SECONDS
        while not _is_well(web):
            if time.monotonic() > deadline:
                self.end()
                raise AssertionError("Milvus does not start")
            time.sleep(0.2)

    def end(self) -> None:
        """Ends it at once."""
        self._keeper.communicate(timeout=END_SECONDS)


def _is_well(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return b"OK" in answer.read()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def running_milvus(folder: Path) -> Iterator[Milvus]:
    """A Milvus that keeps what it holds in a folder, ended at the end."""
    milvus = Milvus(folder)
    try:
        yield milvus
    finally:
        milvus.end()
