"""The tables of tenants' budgets, beside those of what processes share otherwise."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from waypost_server.adapters.database import SQLITE
from waypost_server.adapters.shared_tables import METADATA

BUDGETS = Table(
    "budgets",
    METADATA,
    Column("process_id", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("period", BigInteger, nullable=False),
    Column("usd", Float(53), nullable=False),
    Column("spent", Float(53), nullable=False),
    Column("reserved", Float(53), nullable=False),
    Column("ceiling", Float(53), nullable=False),
    Column("at", Float(53), nullable=False),
)
"""What each process has used of each tenant's budget, and may use; dead ones', too."""

COSTS = Table(
    "budget_costs",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, SQLITE), primary_key=True),
    Column("decision_id", Text, nullable=False),
    Column("usd", Float(53), nullable=True),
    Column("at", Float(53), nullable=False),
    Index("budget_costs_by_time", "at"),
    sqlite_autoincrement=True,
)
"""Costs that were reported to processes that do not know the decision; no number comes again."""

BUDGETS_LOCK = "budgets"
"""A topic of `revisions` that never changes: whoever holds its row exchanges alone."""
