"""Tells the log that a tenant's budget is used up: its callers see it, and operators should too."""

import logging
import time
from collections.abc import Callable

from waypost_server.core.budgets import Budgets
from waypost_server.core.model_policy import Budget

_log = logging.getLogger(__name__)


class Shortage:
    """A line for each tenant, and no more than one in a period of its budget."""

    def __init__(self, budgets: Budgets, *, clock: Callable[[], float] = time.time) -> None:
        """Has told nothing; `clock` gives seconds since 1970."""
        self._budgets = budgets
        self._clock = clock
        self._told: dict[str, int] = {}

    def tell(self, tenant: str, budget: Budget) -> None:
        """Hears that no paid model could be named for a tenant's query, for want of money."""
        period = budget.per.start(self._clock())
        if self._told.get(tenant) == period:
            return
        self._told[tenant] = period
        standing = self._budgets.standing().get(tenant)
        left = standing.left if standing else 0.0
        _log.warning(
            "too little is left of the budget of tenant %r for a paid model: $%.4f of $%g per %s, "
            "after what is spent and reserved; `waypost budget` has both",
            tenant,
            left,
            budget.usd,
            budget.per,
            extra={"fields": {"tenant": tenant}},
        )
