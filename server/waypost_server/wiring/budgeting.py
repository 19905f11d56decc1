"""Tenants' budgets and the choice of models, from settings."""

import time

from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_budgets import SqlBudgets
from waypost_server.core.budgets import Budgets
from waypost_server.core.latencies import Latencies
from waypost_server.service.budget_exchange import BudgetExchange
from waypost_server.service.choosing import Choosing
from waypost_server.service.paying import Paying
from waypost_server.settings import Settings
from waypost_server.wiring.existing import existing_database


def database_budgets(settings: Settings) -> SqlBudgets:
    """What servers have kept of budgets; raises SettingsError where there is no database."""
    return SqlBudgets(existing_database(settings))


class Budgeting:
    """One process's choice of models, and its share in what all processes may spend.

    Attributes:
        choosing: chooses.
        paying: keeps the accounts of what the server asks models by itself.
        exchange: agrees with the others; None without a database.
    """

    def __init__(self, settings: Settings, process_id: str) -> None:
        """Knows of no tenant yet."""
        budgets = Budgets(time.time, is_shared=settings.has_database)
        self.exchange: BudgetExchange | None = None
        if settings.has_database:
            state = SqlBudgets(open_database(settings.database))
            self.exchange = BudgetExchange(budgets, state, process_id, clock=time.monotonic)
        wake = self.exchange.wake if self.exchange else lambda: None
        self.choosing = Choosing(budgets, Latencies(time.monotonic), wake=wake)
        self.paying = Paying(budgets, wake=wake)

    def start(self) -> None:
        """Takes part, once the choice knows its tenants."""
        if self.exchange:
            self.exchange.start()

    def stop(self) -> None:
        """Takes part no more; `start` was called."""
        if self.exchange:
            self.exchange.stop()
