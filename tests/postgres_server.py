"""A real PostgreSQL, on a socket in a folder of its own: it listens on no port."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy

from waypost_server.adapters.database import open_database

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs, by version."""

START_SECONDS = 60
STOP_SECONDS = 30
ROLE = "waypost"


class PostgresServer:
    """One that was set up in `folder`, and may be stopped and started again."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user  # whom to run as; None for who runs the tests
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"waypost_{number}" for number in count())

    def url(self, name: str = "postgres") -> str:
        """What WAYPOST_DATABASE says for one of its databases."""
        return f"postgresql://{ROLE}@/{name}?unix_sock={self._folder}/.s.PGSQL.5432"

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = next(self._names)
        engine = open_database(self.url()).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def start(self) -> None:
        """Returns once it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *_as_user(self._user),
                    self._programs / "postgres",
                    *("-D", self._folder / "data", "-k", self._folder),
                    *("-c", "listen_addresses="),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"PostgreSQL does not start: {(self._folder / 'log').read_text()}")

    def stop(self) -> None:
        """Ends it at once, with every connection to it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # which PostgreSQL calls a fast shutdown
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._process = None

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "--quiet", "--host", str(self._folder)]
        return subprocess.run(command, check=False).returncode == 0


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server of its own, gone at the end; skips the test where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        pytest.skip(f"needs PostgreSQL (Debian's package `postgresql`): none in {PROGRAMS}")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if user and not _exists(user):
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`")
    # Not pytest's folder: only who runs the tests may enter it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="waypost-pg-"))
    server = PostgresServer(programs, folder, user)
    try:
        if user:
            shutil.chown(folder, user)
        subprocess.run(
            [
                *_as_user(user),
                programs / "initdb",
                *("--pgdata", folder / "data", "--username", ROLE),
                *("--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The newest version's."""
    found = [path.parent for path in PROGRAMS.glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _as_user(user: str | None) -> tuple[str, ...]:
    """What runs a command as somebody else.

    Not subprocess' own `user`: for that it has to fork, which was seen to hang for ever in one
    that had used gRPC for long.
    """
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups") if user else ()


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
