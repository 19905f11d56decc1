"""Reserves and settles at random, agreeing with other processes now and then; prints the sum.

python -m tests.unit.adapters.spender DATABASE_URL LIMIT NAME

Started several times at once by test_sql_budgets.py.
"""

import random
import sys

from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_budgets import SqlBudgets
from waypost_server.core.budgets import Budgets
from waypost_server.core.model_policy import Budget, Period
from waypost_server.core.shared_budgets import Cost, Exchanged

TRIES = 80


def spend(url: str, limit: float, process: str) -> float:
    """USD that this process has spent, reserving each before and settling each after."""
    random.seed(process)
    state, budgets = SqlBudgets(open_database(url)), Budgets(lambda: 1e6, is_shared=True)
    budget = Budget(limit, Period.MONTH)
    budgets.open({"a": budget})
    budgets.take({})
    spent = 0.0

    def exchange() -> Exchanged:
        found = state.exchange(process, budgets.shares(), budgets.strays(), since=-1)
        budgets.take(found.grants)
        return found

    exchange()
    for number in range(TRIES):
        usd = random.uniform(0.01, 0.3)  # noqa: S311
        if usd <= budgets.left("a", budget):
            name = f"{process}-{number}"
            if budgets.reserve(name, "a", usd):
                exchange()
            budgets.settle(Cost(name, usd))
            spent += usd
        else:
            budgets.lacked("a", usd)
            exchange()
    exchange()
    state.close()
    return spent


if __name__ == "__main__":
    url, limit, name = sys.argv[1:]
    print(spend(url, float(limit), name))  # noqa: T201 - the parent reads it
