"""How a process hears that what is shared has changed: by looking, or PostgreSQL tells it."""

import os
import select
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import sqlalchemy

from waypost_server.adapters.database import SQLITE
from waypost_server.adapters.shared_tables import BREAKERS_TOPIC, REVISIONS, SWITCHES_TOPIC
from waypost_server.core.shared_state import Revisions

CHANNEL = "waypost_shared"

LOOK_SECONDS = 0.05
"""Between two looks at SQLite, of 15 microseconds each."""

NET_SECONDS = 0.5
"""Between two looks at PostgreSQL: it may tell something just as the last look's answer is read,
where no wait sees it any more."""

_READ = "SELECT topic, revision FROM revisions"


class Changes(Protocol):
    """For one engine; `wait` and `close` for one thread at a time."""

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As SharedState.wait; raises SQLAlchemyError or OSError."""

    def wake(self) -> None:
        """Ends a wait."""

    def check(self) -> None:
        """Raises OSError when the database is gone though it can still be used."""

    def close(self) -> None:
        """Lets go of the connection."""


def changes_of(engine: sqlalchemy.Engine) -> Changes:
    """What fits the engine's database."""
    return Looking(engine) if engine.dialect.name == SQLITE else Listening(engine)


def read_revisions(connection: sqlalchemy.Connection) -> Revisions:
    """The revisions now."""
    rows = {row.topic: row.revision for row in connection.execute(sqlalchemy.select(REVISIONS))}
    return Revisions(rows[SWITCHES_TOPIC], rows[BREAKERS_TOPIC])


class Looking:
    """Looks again and again, on a connection of its own."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")
        self._file: tuple[int, int] | None = None
        self._connection: sqlalchemy.Connection | None = None
        self._stale = False
        self._woken = threading.Event()

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As the protocol says."""
        until = time.monotonic() + seconds
        while True:
            found = self._look()
            left = until - time.monotonic()
            if found != known or left <= 0 or self._woken.wait(min(left, LOOK_SECONDS)):
                self._woken.clear()
                return found

    def wake(self) -> None:
        """As the protocol says."""
        self._woken.set()

    def check(self) -> None:
        """As the protocol says: a file that is removed lives on for who has it open."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            if self._file is None:
                return  # it is made with the first use, and never again
            raise
        file = stat.st_dev, stat.st_ino
        if self._file not in (None, file):
            self._file = None
            self._stale = True
            self._engine.dispose()
            raise OSError("its file was replaced by another")
        self._file = file

    def close(self) -> None:
        """As the protocol says."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _look(self) -> Revisions:
        try:
            if self._stale:
                self._stale = False
                self.close()
            if self._connection is None:
                opened = self._engine.connect()
                self._connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            return self._read(self._connection)
        except BaseException:
            self.close()
            raise

    def _read(self, connection: sqlalchemy.Connection) -> Revisions:
        # Past SQLAlchemy's own 100 microseconds, which would be spent 20 times a second.
        try:
            cursor = connection.connection.cursor()
            cursor.execute(_READ)
            rows = dict(cursor.fetchall())
            cursor.close()
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        return Revisions(rows[SWITCHES_TOPIC], rows[BREAKERS_TOPIC])


class Listening:
    """Waits for PostgreSQL's word, on a connection of its own."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        self._connection: sqlalchemy.Connection | None = None
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As the protocol says."""
        until = time.monotonic() + seconds
        try:
            while True:
                found = read_revisions(self._listening())
                left = until - time.monotonic()
                if found != known or left <= 0 or self._told(min(left, NET_SECONDS)):
                    return found
        except BaseException:
            self._drop()
            raise

    def wake(self) -> None:
        """As the protocol says."""
        with suppress(BlockingIOError):  # so full that it wakes anyway
            os.write(self._waker, b"!")

    def check(self) -> None:
        """As the protocol says: PostgreSQL itself tells."""

    def close(self) -> None:
        """As the protocol says."""
        self._drop()
        os.close(self._woken)
        os.close(self._waker)

    def _listening(self) -> sqlalchemy.Connection:
        if self._connection is None:
            opened = self._engine.connect()
            self._connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            # The pool's ping begins a transaction, within which nothing would be heard.
            self._connection.connection.rollback()
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        return self._connection

    def _told(self, seconds: float) -> bool:
        """Waits for a word of PostgreSQL, which is then to be read; whether it was woken."""
        driver = self._listening().connection.driver_connection
        # pg8000 has no public name for it.
        readable, _, _ = select.select([driver._usock, self._woken], [], [], seconds)  # type: ignore[union-attr]
        if self._woken not in readable:
            return False
        os.read(self._woken, 65_536)
        return True

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
