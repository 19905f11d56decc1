"""The tables of a decision log, the same in SQLite and in PostgreSQL, and their version."""

import sqlalchemy
from sqlalchemy import BigInteger, Column, Double, Index, MetaData, Table, Text
from sqlalchemy.schema import CreateIndex, CreateTable

from waypost_server.adapters.database import POSTGRES
from waypost_server.core.errors import DecisionLogError

SCHEMA = 1
"""Goes up when an older Waypost could no longer read or write the tables."""

_LOCK = 0x77617970
"""Of PostgreSQL's advisory locks the one of whoever makes the tables."""

_metadata = MetaData()

DECISIONS = Table(
    "log_decisions",
    _metadata,
    Column("decision_id", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("index_version", Text, nullable=False),
    Column("record", Text, nullable=False),  # JSON of all that has no column
    Index("log_decisions_by_time", "at_ms", "decision_id"),
)

OUTCOMES = Table(
    "log_outcomes",
    _metadata,
    # No reference: a report may come before its decision, and outlive it by a day.
    Column("decision_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),  # of what was said: a repeated report is the same
    Column("at_ms", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    Index("log_outcomes_by_time", "at_ms"),
)

STATE = Table(
    "log_state",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)


def prepare(connection: sqlalchemy.Connection) -> None:
    """Makes the tables where they are missing; any number of processes may at a time.

    Raises:
        DecisionLogError: a newer Waypost has made them.
    """
    if connection.dialect.name == POSTGRES:  # whose IF NOT EXISTS fails when two do it at a time
        lock = sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK))
        connection.execute(lock)
    for table in _metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    found = state(connection, "schema")
    if found is None:
        set_state(connection, "schema", SCHEMA)
    elif found > SCHEMA:
        raise DecisionLogError(
            f"the decision log was made by a newer Waypost (its tables are of version {found}, and "
            f"this one knows {SCHEMA}): use that Waypost, or another WAYPOST_DATABASE"
        )


def state(connection: sqlalchemy.Connection, name: str) -> int | None:
    """What is noted under a name; None for nothing."""
    return connection.scalar(sqlalchemy.select(STATE.c.value).where(STATE.c.name == name))


def set_state(connection: sqlalchemy.Connection, name: str, value: int) -> None:
    """Notes a number under a name."""
    changed = connection.execute(STATE.update().where(STATE.c.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(STATE.insert().values(name=name, value=value))
