"""Shared state in a database: SQLite for one machine's processes, PostgreSQL for a fleet's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy import delete, func, insert, select, update

from waypost_server.adapters.shared_changes import CHANNEL, changes_of, read_revisions
from waypost_server.adapters.shared_database import SharedDatabase
from waypost_server.adapters.shared_tables import (
    AUDIT,
    BREAKERS,
    BREAKERS_TOPIC,
    PROCESSES,
    REVISIONS,
    SWITCHES,
    SWITCHES_TOPIC,
)
from waypost_server.core.shared_state import (
    Act,
    Audited,
    Hint,
    Hints,
    Peer,
    Process,
    Revisions,
    Switched,
    switching,
)
from waypost_server.core.switches import Kind, Switch, Switches, Target

LONG_DEAD_SECONDS = 3_600.0
"""Silence after which the row of a process that never left goes."""


class SqlState:
    """Implements core's SharedState."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        """Connects with the first call, and again after whatever went wrong."""
        self._database = SharedDatabase(engine)
        self._changes = changes_of(engine)

    def revisions(self) -> Revisions:
        """As the port says."""
        with self._connected() as connection:
            return read_revisions(connection)

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As the port says."""
        with self._database.mapped():
            self._changes.check()
            return self._changes.wait(seconds, known)

    def wake(self) -> None:
        """As the port says."""
        self._changes.wake()

    def switches(self) -> Switches:
        """As the port says."""
        with self._connected() as connection:
            # Before the rows: these may be newer then, and are read again, but never missed.
            revision = read_revisions(connection).switches
            rows = connection.execute(select(SWITCHES))
            off = {
                Target(Kind(row.kind), row.name): Switch(row.who, row.note, row.at) for row in rows
            }
        return Switches(revision, off)

    def switch(self, target: Target, *, enabled: bool, who: str, note: str) -> Switched:
        """As the port says."""
        own = (SWITCHES.c.kind == target.kind) & (SWITCHES.c.name == target.name)
        with self._connected() as connection:
            # First: it lets in one at a time, and SQLite takes no reader for a writer later.
            self._bump(connection, SWITCHES_TOPIC, by=0)
            was_on = connection.execute(select(SWITCHES.c.at).where(own)).first() is None
            now = self._database.now(connection)
            if enabled and not was_on:
                connection.execute(delete(SWITCHES).where(own))
            elif was_on and not enabled:
                connection.execute(
                    insert(SWITCHES).values(
                        kind=str(target.kind), name=target.name, who=who, note=note, at=now
                    )
                )
            act = switching(target, who=who, note=note, before=was_on, after=enabled)
            self._keep(connection, act, now)
            if was_on is not enabled:
                self._bump(connection, SWITCHES_TOPIC)
            return Switched(was_on, read_revisions(connection).switches)

    def hints(self) -> Hints:
        """As the port says."""
        with self._connected() as connection:
            revision, now = read_revisions(connection).breakers, self._database.now(connection)
            rows = connection.execute(select(BREAKERS).where(BREAKERS.c.until > now))
            found = {row.model: Hint(row.until - now, now - row.heard) for row in rows}
        return Hints(revision, found)

    def hint(self, model: str, hint: Hint | None) -> None:
        """As the port says."""
        with self._connected() as connection:
            self._bump(connection, BREAKERS_TOPIC)
            now = self._database.now(connection)
            over = (BREAKERS.c.model == model) | (BREAKERS.c.until <= now)
            connection.execute(delete(BREAKERS).where(over))
            if hint:
                connection.execute(
                    insert(BREAKERS).values(
                        model=model, heard=now - hint.ago_seconds, until=now + hint.left_seconds
                    )
                )

    def audit(self, act: Act) -> None:
        """As the port says."""
        with self._connected() as connection:
            self._keep(connection, act, self._database.now(connection))

    def audited(self, *, since: float = 0.0) -> Sequence[Audited]:
        """As the port says."""
        with self._connected() as connection:
            rows = connection.execute(
                select(AUDIT).where(AUDIT.c.at >= since).order_by(AUDIT.c.id)
            ).all()
        return [
            Audited(
                row.at,
                Act(
                    who=row.who,
                    act=row.act,
                    target=row.target,
                    note=row.note,
                    before=row.before,
                    after=row.after,
                ),
            )
            for row in rows
        ]

    def beat(self, process: Process, revision: int) -> None:
        """As the port says."""
        with self._connected() as connection:
            now = self._database.now(connection)
            connection.execute(
                self._database.upsert(PROCESSES)
                .values(
                    process_id=process.process_id,
                    host=process.host,
                    pid=process.pid,
                    beat=now,
                    revision=revision,
                )
                .on_conflict_do_update(
                    index_elements=["process_id"], set_={"beat": now, "revision": revision}
                )
            )
            if revision < 0:  # once a life is often enough
                dead = PROCESSES.c.beat < now - LONG_DEAD_SECONDS
                connection.execute(delete(PROCESSES).where(dead))

    def peers(self) -> Sequence[Peer]:
        """As the port says."""
        with self._connected() as connection:
            now = self._database.now(connection)
            rows = connection.execute(select(PROCESSES)).all()
        return [
            Peer(
                process=Process(process_id=row.process_id, host=row.host, pid=row.pid),
                revision=row.revision,
                beat=row.beat,
                silent_seconds=now - row.beat,
            )
            for row in rows
        ]

    def leave(self, process: Process) -> None:
        """As the port says."""
        own = PROCESSES.c.process_id == process.process_id
        with self._connected() as connection:
            connection.execute(delete(PROCESSES).where(own))

    def close(self) -> None:
        """As the port says."""
        self._changes.close()
        self._database.engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sqlalchemy.Connection]:
        """A connection with a transaction, which is on disk once this has ended."""
        with self._database.mapped():
            self._changes.check()
        with self._database.transaction() as connection:
            yield connection

    def _keep(self, connection: sqlalchemy.Connection, act: Act, at: float) -> None:
        connection.execute(
            insert(AUDIT).values(
                at=at,
                who=act.who,
                act=act.act,
                target=act.target,
                note=act.note,
                before=act.before,
                after=act.after,
            )
        )

    def _bump(self, connection: sqlalchemy.Connection, topic: str, *, by: int = 1) -> None:
        own = REVISIONS.c.topic == topic
        connection.execute(update(REVISIONS).where(own).values(revision=REVISIONS.c.revision + by))
        if by and not self._database.is_sqlite:
            connection.execute(select(func.pg_notify(CHANNEL, topic)))  # told at the commit
