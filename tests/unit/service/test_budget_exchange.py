"""A process's share in budgets: threads, a state that goes away, and what is told when."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from waypost_server.core.budgets import Budgets
from waypost_server.core.errors import SharedStateError
from waypost_server.core.model_policy import Budget, Period
from waypost_server.core.shared_budgets import Cost, Exchanged, Grant, Share
from waypost_server.service.budget_exchange import BudgetExchange

TEN = Budget(10.0, Period.MONTH)
PATIENCE_SECONDS = 10.0


class State:
    """A state that gives everyone all that there is, remembers what it was told, and may be cut."""

    def __init__(self) -> None:
        self.told: list[tuple[Sequence[Share], Sequence[Cost], bool]] = []
        self.costs: list[Cost] = []
        self.is_cut = False
        self.is_closed = False

    def exchange(
        self,
        process_id: str,
        shares: Sequence[Share],
        costs: Sequence[Cost],
        *,
        since: int,
        leaves: bool = False,
    ) -> Exchanged:
        if self.is_cut:
            raise SharedStateError("the wire is cut")
        self.told.append((shares, costs, leaves))
        news, last = self.costs[max(since, 0) :], len(self.costs)
        return Exchanged({s.tenant: Grant(s.period, 8.0, 2.0) for s in shares}, news, last)

    def lines(self) -> Sequence[object]:
        return []

    def close(self) -> None:
        self.is_closed = True


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.005)


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def budgets() -> Budgets:
    made = Budgets(lambda: 1e9, is_shared=True)
    made.open({"a": TEN})
    return made


@contextmanager
def taking_part(budgets: Budgets, state: State) -> Iterator[BudgetExchange]:
    exchange = BudgetExchange(budgets, state, "one", clock=time.monotonic)  # type: ignore[arg-type]
    exchange.start()
    try:
        yield exchange
    finally:
        exchange.stop()


def test_it_agrees_at_the_start_when_woken_and_at_the_end(budgets: Budgets, state: State) -> None:
    with taking_part(budgets, state) as exchange:
        assert budgets.left("a", TEN) == 8
        budgets.reserve("x", "a", 3.0)
        exchange.wake()
        until(lambda: len(state.told) > 1)
        ((share,), _, leaves) = state.told[1]
        assert (share.reserved, leaves) == (3.0, False)
    assert state.told[-1][2]
    assert state.is_closed


def test_what_changed_is_told_without_a_wake(budgets: Budgets, state: State) -> None:
    with taking_part(budgets, state):
        budgets.reserve("x", "a", 1.0)
        until(lambda: state.told[-1][0][0].reserved == 1.0)
        count = len(state.told)
        time.sleep(0.1)
        assert len(state.told) == count  # and then there is nothing to tell


def test_costs_of_other_processes_are_settled_and_strays_told(
    budgets: Budgets, state: State
) -> None:
    with taking_part(budgets, state) as exchange:
        budgets.reserve("mine", "a", 3.0)
        budgets.settle(Cost("theirs", 0.5))
        state.costs += [Cost("mine", 1.0), Cost("nobody's", 9.0)]
        exchange.wake()
        until(lambda: budgets.standing()["a"].left == 7.0)
    assert [cost for _, costs, _ in state.told for cost in costs] == [Cost("theirs", 0.5)]


def test_without_the_state_it_counts_alone_says_so_once_and_loses_nothing(
    budgets: Budgets, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = BudgetExchange(budgets, state, "one", clock=time.monotonic)  # type: ignore[arg-type]
    exchange.exchange()
    state.is_cut = True
    budgets.settle(Cost("theirs", 0.5))
    budgets.reserve("mine", "a", 1.0)
    for _ in range(3):
        exchange.exchange()
    assert exchange.problem == "the wire is cut"
    assert budgets.left("a", TEN) == 10 - 2 - 1  # as known of the others
    state.is_cut = False
    exchange.exchange()
    assert exchange.problem == ""
    assert budgets.left("a", TEN) == 8 - 1
    assert state.told[-1][1] == [Cost("theirs", 0.5)]
    assert caplog.text.count("are counted by this process alone") == 1


def test_where_no_tenant_has_a_budget_the_state_is_left_alone(state: State) -> None:
    budgets = Budgets(lambda: 1e9, is_shared=True)
    budgets.open({"free": Budget(0.0, Period.DAY)})
    with taking_part(budgets, state) as exchange:
        exchange.wake()
        time.sleep(0.1)
    assert state.told == []
