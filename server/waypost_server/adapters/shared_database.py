"""What processes share a database by: a clock, errors of one kind, tables that are there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from waypost_server.adapters.database import SQLITE, reason_of
from waypost_server.adapters.shared_tables import make_tables, seed
from waypost_server.core.errors import SharedStateError


class SharedDatabase:
    """An engine whose tables are made with the first use, and again when another database comes."""

    def __init__(self, engine: sqlalchemy.Engine, *topics: str) -> None:
        """Connects with the first call, and again after whatever went wrong.

        Args:
            engine: how to connect.
            topics: which must have a row in `revisions`, besides those of `make_tables`.
        """
        self._topics = topics
        self.engine = engine
        self.is_sqlite = engine.dialect.name == SQLITE
        self._ready = False

    @contextmanager
    def transaction(self) -> Iterator[sqlalchemy.Connection]:
        """A connection with a transaction, which is on disk once this has ended.

        Raises:
            SharedStateError: the database cannot be used.
        """
        with self.mapped():
            if not self._ready:
                with self.engine.begin() as connection:
                    make_tables(connection)
                # Apart: whoever makes an index holds its table, and must not wait for these rows.
                for topic in self._topics:
                    with self.engine.begin() as connection:
                        seed(connection, topic)
                self._ready = True
            with self.engine.begin() as connection:
                yield connection

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Raises SharedStateError for what a driver or a file raises."""
        try:
            yield
        except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            self._ready = False  # another database may come in its place
            raise SharedStateError(
                f"the database that processes share cannot be used: {reason_of(error)}"
            ) from error

    def now(self, connection: sqlalchemy.Connection) -> float:
        """Seconds since 1970 by the clock that all who share the database have in common."""
        if self.is_sqlite:  # which is on this machine
            return time.time()
        clock = text("SELECT extract(epoch FROM clock_timestamp())")
        return float(connection.scalar(clock) or 0.0)

    @property
    def upsert(self) -> Callable[..., Any]:
        """The dialect's `insert`, which can update instead."""
        return sqlite.insert if self.is_sqlite else postgresql.insert
