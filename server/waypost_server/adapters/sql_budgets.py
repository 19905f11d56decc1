"""Tenants' budgets in a database: SQLite for one machine's processes, PostgreSQL for a fleet's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import delete, func, insert, select, update

from waypost_server.adapters.budget_tables import BUDGETS, BUDGETS_LOCK, COSTS
from waypost_server.adapters.shared_database import SharedDatabase
from waypost_server.adapters.shared_tables import REVISIONS
from waypost_server.core.budgets import EXPIRES_SECONDS
from waypost_server.core.shared_budgets import (
    SILENT_SECONDS,
    Cost,
    Exchanged,
    Grant,
    Line,
    Share,
    ceiling_of,
)


class SqlBudgets:
    """Implements core's SharedBudgets."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        """Connects with the first call, and again after whatever went wrong."""
        self._database = SharedDatabase(engine, BUDGETS_LOCK)

    def exchange(
        self,
        process_id: str,
        shares: Sequence[Share],
        costs: Sequence[Cost],
        *,
        since: int,
        leaves: bool = False,
    ) -> Exchanged:
        """As the port says."""
        with self._alone() as connection:
            now = self._database.now(connection)
            others = _others(connection, process_id, shares)
            grants = {}
            for share in shares:
                rows = [row for row in others.get(share.tenant, ()) if row.period == share.period]
                held = sum(_held(row, now) for row in rows)
                ceiling = ceiling_of(share, held=held, leaves=leaves)
                elsewhere = sum(_used(row, now) for row in rows)
                grants[share.tenant] = Grant(share.period, ceiling, elsewhere)
                self._keep(connection, process_id, share, ceiling, now)
            told = self._tell(connection, costs, now)
            last = since if since >= 0 else told
            found = connection.execute(select(COSTS).where(COSTS.c.id > last).order_by(COSTS.c.id))
            new = [(row.id, Cost(row.decision_id, row.usd)) for row in found]
            self._clear(connection, shares, now)
            return Exchanged(
                grants, [cost for _, cost in new], max((number for number, _ in new), default=last)
            )

    def lines(self) -> Sequence[Line]:
        """As the port says."""
        with self._alone() as connection:
            now = self._database.now(connection)
            rows = connection.execute(select(BUDGETS).order_by(BUDGETS.c.tenant)).all()
        newest = {row.tenant: max(row.period, 0) for row in sorted(rows, key=lambda r: r.period)}
        lines = []
        for tenant, period in sorted(newest.items()):
            own = [row for row in rows if row.tenant == tenant and row.period == period]
            spent = sum(row.spent for row in own)
            lines.append(
                Line(
                    tenant=tenant,
                    period=period,
                    limit=max(own, key=lambda row: float(row.at)).usd,
                    spent=spent,
                    reserved=sum(_used(row, now) for row in own) - spent,
                )
            )
        return lines

    def close(self) -> None:
        """As the port says."""
        self._database.engine.dispose()

    def _keep(
        self,
        connection: sqlalchemy.Connection,
        process_id: str,
        share: Share,
        ceiling: float,
        now: float,
    ) -> None:
        values = {
            "period": share.period,
            "usd": share.limit,
            "spent": share.spent,
            "reserved": share.reserved,
            "ceiling": ceiling,
            "at": now,
        }
        connection.execute(
            self._database.upsert(BUDGETS)
            .values(process_id=process_id, tenant=share.tenant, **values)
            .on_conflict_do_update(index_elements=["process_id", "tenant"], set_=values)
        )

    @staticmethod
    def _tell(connection: sqlalchemy.Connection, costs: Sequence[Cost], now: float) -> int:
        """Keeps costs for the others; the number of the last one before."""
        before = int(connection.scalar(select(func.max(COSTS.c.id))) or 0)
        if costs:
            connection.execute(
                insert(COSTS),
                [{"decision_id": cost.decision_id, "usd": cost.usd, "at": now} for cost in costs],
            )
        return before

    @staticmethod
    def _clear(connection: sqlalchemy.Connection, shares: Sequence[Share], now: float) -> None:
        """Drops what nobody asks for any more."""
        old = now - EXPIRES_SECONDS
        connection.execute(delete(COSTS).where(COSTS.c.at < old))
        for share in shares:
            over = (BUDGETS.c.tenant == share.tenant) & (BUDGETS.c.period < share.period)
            connection.execute(delete(BUDGETS).where(over & (BUDGETS.c.at < old)))

    @contextmanager
    def _alone(self) -> Iterator[sqlalchemy.Connection]:
        """A connection with a transaction that no other process exchanges beside."""
        with self._database.transaction() as connection:
            # First: SQLite takes no reader for a writer later.
            own = REVISIONS.c.topic == BUDGETS_LOCK
            connection.execute(update(REVISIONS).where(own).values(revision=REVISIONS.c.revision))
            yield connection


def _others(
    connection: sqlalchemy.Connection, process_id: str, shares: Sequence[Share]
) -> Mapping[str, Sequence[sqlalchemy.Row[Any]]]:
    """The rows of other processes, by tenant."""
    if not shares:
        return {}
    mine = {share.tenant for share in shares}
    found: dict[str, list[sqlalchemy.Row[Any]]] = {}
    for row in connection.execute(select(BUDGETS).where(BUDGETS.c.process_id != process_id)):
        if row.tenant in mine:
            found.setdefault(row.tenant, []).append(row)
    return found


def _held(row: sqlalchemy.Row[Any], now: float) -> float:
    """What a process has used or may use; one that is gone uses no more."""
    lives = row.at >= now - SILENT_SECONDS
    used = _used(row, now)
    return max(row.ceiling, used) if lives else used


def _used(row: sqlalchemy.Row[Any], now: float) -> float:
    """What a process has spent, and reserved unless that expired with it."""
    waits = row.at >= now - EXPIRES_SECONDS
    return float(row.spent + (row.reserved if waits else 0.0))
