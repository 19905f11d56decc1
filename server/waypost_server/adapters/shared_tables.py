"""The tables of what processes share. Times are seconds since 1970 by the database's clock."""

import sqlalchemy
from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from waypost_server.adapters.database import SQLITE

METADATA = sqlalchemy.MetaData()

SWITCHES_TOPIC, BREAKERS_TOPIC = "switches", "breakers"

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("topic", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""How often what is below has changed, a row for each of the two topics."""

SWITCHES = Table(
    "switches",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Float(53), nullable=False),
)
"""What is off; what is on has no row."""

BREAKERS = Table(
    "breakers",
    METADATA,
    Column("model", Text, primary_key=True),
    Column("heard", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
)

AUDIT = Table(
    "audit",
    METADATA,
    # SQLite counts in a column of this very type alone.
    Column("id", BigInteger().with_variant(Integer, SQLITE), primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index("audit_by_time", "at"),
)

PROCESSES = Table(
    "processes",
    METADATA,
    Column("process_id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("beat", Float(53), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

_MAKING = 7_493_989_401_112_033_635
"""A number of nobody else's: PostgreSQL makes a table twice when two make it at once."""


_SEED = sqlalchemy.text(
    "INSERT INTO revisions (topic, revision) VALUES (:topic, 0) ON CONFLICT (topic) DO NOTHING"
)


def seed(connection: sqlalchemy.Connection, topic: str) -> None:
    """Makes a topic's row where it is missing."""
    connection.execute(_SEED, {"topic": topic})


def make_tables(connection: sqlalchemy.Connection) -> None:
    """Makes what is missing, within a transaction of the connection's."""
    # Who may not make tables may use them.
    if not set(sqlalchemy.inspect(connection).get_table_names()).issuperset(METADATA.tables):
        if connection.dialect.name != SQLITE:
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_MAKING)))
        for table in METADATA.sorted_tables:
            connection.execute(sqlalchemy.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sqlalchemy.schema.CreateIndex(index, if_not_exists=True))
    # SQLite's tables are there before the transaction ends, be it another process's.
    topics = set(connection.scalars(sqlalchemy.select(REVISIONS.c.topic)))
    for topic in sorted({SWITCHES_TOPIC, BREAKERS_TOPIC} - topics):
        seed(connection, topic)
