"""When the log hears that a budget is used up."""

import pytest

from waypost_server.core.budgets import Budgets
from waypost_server.core.model_policy import Budget, Period
from waypost_server.service.shortage import Shortage

BUDGET = Budget(usd=8.0, per=Period.HOUR)


def test_a_line_for_each_tenant_and_period(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    budgets = Budgets(lambda: now)
    budgets.open({"acme": BUDGET, "zoo": BUDGET})
    budgets.reserve("d1", "acme", 7.75)
    shortage = Shortage(budgets, clock=lambda: now)
    for _ in range(3):
        shortage.tell("acme", BUDGET)
    shortage.tell("zoo", BUDGET)
    first, second = caplog.messages
    assert first.startswith(
        "too little is left of the budget of tenant 'acme' for a paid model: $0.2500 of $8 per hour"
    )
    assert "tenant 'zoo'" in second
    now = 3_600.0
    shortage.tell("acme", BUDGET)
    assert "$8.0000 of $8 per hour" in caplog.messages[2]
