"""The programs under test, started as a user starts them."""

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import grpc

from waypost.v1 import admin_pb2_grpc

ROOT = Path(__file__).parents[2]
ADMIN = re.compile(r'admin on ([^\s"]+)')
READY = re.compile(r"waypost: serving on (\S+) index=([0-9a-f]{12})\n")
HTTP = re.compile(r"http on (127\.0\.0\.1:\d+)")
LISTENING = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
START_SECONDS = 60
STOP_SECONDS = 20
WAYPOST = (sys.executable, "-m", "waypost_server")


@dataclass
class ServerProcess:
    """A server that has said that it is ready."""

    address: str
    index_version: str
    process: subprocess.Popen[str]
    log: IO[str]

    @property
    def admin_address(self) -> str:
        """Where operators are answered, which its log says."""
        found = ADMIN.search(self.log_text())
        assert found, self.log_text()
        return found[1]

    @contextmanager
    def admin(self) -> Iterator["admin_pb2_grpc.AdminServiceStub"]:
        """A stub of its AdminService."""
        with grpc.insecure_channel(self.admin_address) as channel:
            yield admin_pb2_grpc.AdminServiceStub(channel)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Waits for its end."""
        return self.process.wait(STOP_SECONDS)

    def log_text(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def http(self, path: str) -> tuple[int, str]:
        """What its HTTP port answers, where it has one."""
        connection = http.client.HTTPConnection(http_address(self.log), timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer


def http_address(log: IO[str]) -> str:
    """Where a server that writes this log answers HTTP."""
    log.seek(0)
    found = HTTP.search(log.read())
    assert found, "it has no HTTP port"
    return found[1]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with no settings of Waypost but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    return kept | settings


def waypost(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself."""
    return subprocess.run(
        [*WAYPOST, *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running_server(index: Path, **settings: str) -> Iterator[ServerProcess]:
    """A server on a free port, stopped at the end if it has not stopped before."""
    command = [*WAYPOST, "serve", "--index", str(index), "--address", "127.0.0.1:0"]
    with (
        tempfile.TemporaryDirectory() as data,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**{"WAYPOST_DATABASE": f"sqlite:///{data}/waypost.db"} | settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
        ended(process),
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = READY.fullmatch(line)
        assert ready, f"no ready line but {line!r}; stderr: {log.seek(0) or log.read()}"
        yield ServerProcess(ready[1], ready[2], process, log)


@dataclass(frozen=True)
class HttpServer:
    """A program that serves HTTP by uvicorn, and listens at `url`."""

    url: str
    log: IO[str]

    def log_text(self) -> str:
        self.log.seek(0)
        return self.log.read()


@contextmanager
def running_uvicorn(*command: str, **settings: str) -> Iterator[HttpServer]:
    """Such a program, told to take a free port; ended at the end."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(PYTHONUNBUFFERED="1", **settings),
            stdout=log,
            stderr=log,
            text=True,
        ) as process,
        ended(process),
    ):
        server = HttpServer("", log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if found := LISTENING.search(server.log_text()):
                yield HttpServer(found[1], log)
                return
            time.sleep(0.1)
        raise AssertionError(f"{command} does not listen; it said: {server.log_text()[-2000:]}")


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Ends a process at the end; raises TimeoutExpired when it had to be killed."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
