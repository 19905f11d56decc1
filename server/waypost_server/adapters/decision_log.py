"""The decision log in a database: core's DecisionLog on SQLAlchemy."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy
from sqlalchemy import Select, column, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from waypost_server.adapters.database import POSTGRES, reason_of
from waypost_server.adapters.log_rows import (
    Row,
    decision_of,
    decision_row,
    outcome_of,
    outcome_row,
    with_request_id,
)
from waypost_server.adapters.log_tables import DECISIONS, OUTCOMES, STATE, prepare, state
from waypost_server.core.decision_log import (
    DecisionRecord,
    LogFilter,
    LoggedDecision,
    OutcomeRecord,
    Record,
)
from waypost_server.core.errors import DecisionLogError, RefusedRecordError
from waypost_server.core.retention import may_sweep, trusted_time_ms

PAGE = 500
"""Decisions that are read at a time: half a megabyte."""


class DatabaseLog:
    """A decision log in SQLite or PostgreSQL; implements core's DecisionLog.

    The tables are made when they are first needed, so that a database may be away at the start.
    """

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        """Takes a database as `open_database` gives it; connects with the first use."""
        self._engine = engine
        self._is_prepared = False
        self._preparing = threading.Lock()
        self._inserts = {
            table.name: _insert(table, engine.dialect.name) for table in (DECISIONS, OUTCOMES)
        }

    def append(self, records: Sequence[Record]) -> None:
        """Keeps all of them or none; what is kept already, once."""
        decisions = [decision_row(one) for one in records if isinstance(one, DecisionRecord)]
        outcomes = [outcome_row(one) for one in records if isinstance(one, OutcomeRecord)]
        with self._transaction() as connection:
            self._keep(connection, DECISIONS, decisions)
            self._keep(connection, OUTCOMES, outcomes)

    def find(self, decision_id: str) -> LoggedDecision | None:
        """A decision with its outcomes; None where nothing of it was kept."""
        with self._transaction() as connection:
            wanted = sqlalchemy.select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)
            row = next(_rows(connection, wanted), None)
            outcomes = _outcomes(connection, [decision_id]).get(decision_id, ())
        if row is None and not outcomes:
            return None
        return LoggedDecision(decision_of(row) if row else None, tuple(outcomes))

    def count(self, wanted: LogFilter) -> int:
        """How many decisions are wanted."""
        with self._transaction() as connection:
            counted = _where(sqlalchemy.select(func.count()).select_from(DECISIONS), wanted)
            return connection.scalar(counted) or 0

    def between(self, wanted: LogFilter) -> Iterator[LoggedDecision]:
        """The wanted decisions, the oldest first; each page is read in a transaction of its own."""
        place = sqlalchemy.tuple_(DECISIONS.c.at_ms, DECISIONS.c.decision_id)
        page = _where(sqlalchemy.select(DECISIONS), wanted).order_by(*place.clauses).limit(PAGE)
        after: Select[Any] = page
        while True:
            found = self._page(after)
            yield from found
            if len(found) < PAGE or (last := found[-1].decision) is None:
                return
            after = page.where(place > sqlalchemy.tuple_(last.at_ms, last.decision_id))

    def last(self, wanted: LogFilter, count: int) -> Sequence[LoggedDecision]:
        """The last `count` wanted decisions, the oldest first."""
        newest = DECISIONS.c.at_ms.desc(), DECISIONS.c.decision_id.desc()
        page = _where(sqlalchemy.select(DECISIONS), wanted).order_by(*newest).limit(count)
        return self._page(page)[::-1]

    def claim_sweep(self, now_ms: int, every_ms: int) -> int | None:
        """The time from which age is counted, for the one process that may sweep now."""
        with self._transaction() as connection:
            swept_ms = state(connection, "swept_ms")
            trusted_ms = trusted_time_ms(now_ms, state(connection, "trusted_ms"))
            if swept_ms is None:
                self._keep(connection, STATE, [{"name": "swept_ms", "value": now_ms}])
                self._keep(connection, STATE, [{"name": "trusted_ms", "value": trusted_ms}])
                return trusted_ms
            if not may_sweep(now_ms, swept_ms, every_ms):
                return None
            claimed = connection.execute(
                STATE.update()
                .where(STATE.c.name == "swept_ms", STATE.c.value == swept_ms)
                .values(value=now_ms)
            )
            if not claimed.rowcount:  # another process was faster
                return None
            connection.execute(
                STATE.update().where(STATE.c.name == "trusted_ms").values(value=trusted_ms)
            )
            return trusted_ms

    def delete_before(self, time_ms: int, *, limit: int) -> int:
        """Deletes decisions and reports from before a time; says how many."""
        deleted = 0
        with self._transaction() as connection:
            for table in (DECISIONS, OUTCOMES):
                key = sqlalchemy.tuple_(*table.primary_key.columns)
                old = (
                    sqlalchemy.select(*table.primary_key.columns)
                    .where(table.c.at_ms < time_ms)
                    .order_by(table.c.at_ms)
                    .limit(limit)
                )
                deleted += connection.execute(table.delete().where(key.in_(old))).rowcount
        return deleted

    def size_bytes(self) -> int:
        """What SQLite's files take, with all that is in them; of PostgreSQL, tables and indexes."""
        if self._engine.dialect.name != POSTGRES:
            return _file_bytes(self._engine.url.database or "")
        sizes = [
            func.pg_total_relation_size(sqlalchemy.text(f"'{table.name}'::regclass"))
            for table in (DECISIONS, OUTCOMES)
        ]
        with self._transaction() as connection:
            return sum(connection.execute(sqlalchemy.select(*sizes)).one())

    def close(self) -> None:
        """Gives back the connections."""
        self._engine.dispose()

    def _page(self, page: "Select[Any]") -> list[LoggedDecision]:
        with self._transaction() as connection:
            decisions = [decision_of(row) for row in _rows(connection, page)]
            outcomes = _outcomes(connection, [decision.decision_id for decision in decisions])
        return [
            LoggedDecision(each, tuple(outcomes.get(each.decision_id, ()))) for each in decisions
        ]

    def _keep(
        self, connection: sqlalchemy.Connection, table: sqlalchemy.Table, rows: Sequence[Row]
    ) -> None:
        if not rows:
            return
        insert = self._inserts.get(table.name)
        if insert is None:
            insert = self._inserts[table.name] = _insert(table, connection.dialect.name)
        if connection.dialect.name == POSTGRES:
            connection.execute(insert, {"rows": json.dumps(rows, ensure_ascii=False)})
        else:
            connection.execute(insert, list(rows))

    @contextmanager
    def _transaction(self) -> Iterator[sqlalchemy.Connection]:
        try:
            self._prepare()
            with _begin(self._engine) as connection:
                yield connection
        except DecisionLogError:
            raise
        except Exception as error:
            # Whatever: when a connection breaks, a driver may stumble over anything.
            if _is_of_the_data(error):
                problem = f"the decision log refuses a record: {reason_of(error)}"
                raise RefusedRecordError(problem) from error
            raise DecisionLogError(
                f"the decision log cannot be used: {reason_of(error)}"
            ) from error

    def _prepare(self) -> None:
        with self._preparing:
            if not self._is_prepared:
                with _begin(self._engine) as connection:
                    prepare(connection)
                self._is_prepared = True


def _file_bytes(path: str) -> int:
    """Of an SQLite database; what is written lately is in the files beside it."""
    total = 0
    for beside in ("", "-wal", "-shm"):
        with suppress(OSError):
            total += os.stat(path + beside).st_size
    return total


@contextmanager
def _begin(engine: sqlalchemy.Engine) -> Iterator[sqlalchemy.Connection]:
    """A transaction on a connection that is closed if anything goes wrong.

    For a driver that was stopped in the middle of an answer takes the rest of it for the next one.
    """
    with engine.connect() as connection:
        try:
            transaction = connection.begin()
            yield connection
            transaction.commit()
        except BaseException:
            connection.invalidate()
            raise


def _insert(table: sqlalchemy.Table, dialect: str) -> sqlalchemy.Insert:
    """Inserts many rows, and passes over those that are there."""
    if dialect != POSTGRES:
        return sqlite.insert(table).on_conflict_do_nothing()
    # One statement for all rows, since the driver would make a round trip for each.
    rows = (
        func.json_to_recordset(sqlalchemy.cast(sqlalchemy.bindparam("rows"), postgresql.JSON))
        .table_valued(*(column(each.name, each.type) for each in table.columns))
        .render_derived(name="r", with_types=True)
    )
    return (
        postgresql.insert(table)
        .from_select([each.name for each in table.columns], sqlalchemy.select(rows))
        .on_conflict_do_nothing()
    )


def _rows(connection: sqlalchemy.Connection, select: "Select[Any]") -> Iterator[Row]:
    for row in connection.execute(select):
        yield row._asdict()


def _where(select: "Select[Any]", wanted: LogFilter) -> "Select[Any]":
    columns = DECISIONS.c
    if wanted.since_ms is not None:
        select = select.where(columns.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        select = select.where(columns.at_ms < wanted.until_ms)
    for name in ("route", "tenant", "outcome"):
        value = getattr(wanted, name)
        if value is not None:
            select = select.where(columns[name] == value)
    if wanted.request_id is not None:
        # Unlike LIKE, this tells capitals apart in SQLite, too.
        without = func.replace(columns.record, with_request_id(wanted.request_id), "")
        select = select.where(without != columns.record)
    return select


def _outcomes(
    connection: sqlalchemy.Connection, ids: Sequence[str]
) -> dict[str, list[OutcomeRecord]]:
    """What was reported of some decisions, by id, the oldest first."""
    wanted = (
        sqlalchemy.select(OUTCOMES)
        .where(OUTCOMES.c.decision_id.in_(ids))
        .order_by(OUTCOMES.c.at_ms, OUTCOMES.c.digest)
    )
    found: dict[str, list[OutcomeRecord]] = {}
    for row in _rows(connection, wanted) if ids else ():
        found.setdefault(row["decision_id"], []).append(outcome_of(row))
    return found


def _is_of_the_data(error: Exception) -> bool:
    """Whether a database would say the same again."""
    if isinstance(error, (DataError, IntegrityError, UnicodeError)):
        return True
    # PostgreSQL's driver knows no kinds of errors, only codes (SQLSTATE; 22 is "data exception").
    said = error.orig.args[:1] if isinstance(error, DBAPIError) and error.orig else ()
    return any(isinstance(each, dict) and each.get("C", "").startswith("22") for each in said)
