"""The database that a server, or a fleet, keeps its records in: SQLite or PostgreSQL."""

import logging
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from waypost_server.core.errors import SettingsError

SQLITE, POSTGRES = "sqlite", "postgresql"

BUSY_MS = 5_000
"""How long a writer of SQLite waits for another process's transaction, which takes milliseconds."""

_AGAIN_MS = 50

MODE = 0o600
"""Of a new file: it says who asked what when, and may have the queries."""


def open_database(url: str) -> sqlalchemy.Engine:
    """Says how to connect; connects with the first use.

    Args:
        url: `sqlite:///FILE`, whose folder is made, or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        SettingsError: it is neither, or the driver is not installed; without the password.
    """
    # A connection that breaks is an error of whoever uses it; the pool adds its stack of calls.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise SettingsError(
            "WAYPOST_DATABASE is no URL: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    if parsed.drivername == SQLITE and parsed.database:
        return _sqlite(parsed, Path(parsed.database))
    if parsed.drivername == POSTGRES:
        return _postgres(parsed)
    raise SettingsError(
        f"WAYPOST_DATABASE is {parsed.render_as_string()!r}: write sqlite:///FILE or "
        "postgresql://USER@HOST/NAME"
    )


def reason_of(error: Exception) -> str:
    """What a driver says, in one line, without the statement and what was sent with it."""
    said = getattr(error, "orig", None) or error
    first = said.args[0] if said.args else ""
    text = first.get("M", "") if isinstance(first, dict) else str(said)  # pg8000 gives fields
    return " ".join(text.split())[:300] or type(said).__name__


def _sqlite(url: sqlalchemy.URL, path: Path) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_MS / 1000})

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def make_folder(*_: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite would let everybody read it; the files beside it are made like it. Where it cannot
        # be made, SQLite says why.
        with suppress(OSError):
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))

    @sqlalchemy.event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: object) -> None:
        # Readers and one writer at a time, from any process; what is committed is on disk.
        cursor = connection.cursor()
        _use_wal(cursor)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _use_wal(cursor: DBAPICursor) -> None:
    """Switches to a write-ahead log: once in a file's life, but all who open it first may try."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:  # for this alone SQLite itself does not wait
            if time.monotonic() > until or "locked" not in str(error):
                raise
            time.sleep(_AGAIN_MS / 1000)


def _postgres(url: sqlalchemy.URL) -> sqlalchemy.Engine:
    try:
        return sqlalchemy.create_engine(
            url.set(drivername=f"{POSTGRES}+pg8000"),
            connect_args={"timeout": 5},  # seconds, for each answer of the server
            pool_pre_ping=True,
        )
    except ModuleNotFoundError:
        raise SettingsError(
            "WAYPOST_DATABASE names PostgreSQL, whose driver is not installed: "
            "pip install 'waypost[postgres]'"
        ) from None
