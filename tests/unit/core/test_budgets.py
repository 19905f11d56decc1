"""A tenant's account in one process, by a clock that tests turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.test_latencies import Clock
from waypost_server.core.budgets import (
    ASK_SECONDS,
    EXPIRES_SECONDS,
    PROVISIONAL,
    REMEMBERED,
    Budgets,
)
from waypost_server.core.model_policy import Budget, Period
from waypost_server.core.shared_budgets import Cost, Grant, Share, ceiling_of

TEN = Budget(10.0, Period.DAY)
DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(100 * DAY)


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    return Budgets(clock)


def left(budgets: Budgets) -> float:
    return round(budgets.left("a", TEN), 9)


def test_a_reservation_is_replaced_by_the_cost(budgets: Budgets) -> None:
    assert left(budgets) == 10
    budgets.reserve("one", "a", 3.0)
    assert left(budgets) == 7
    budgets.settle(Cost("one", 0.5))
    assert left(budgets) == 9.5
    budgets.settle(Cost("one", 0.5))
    budgets.settle(Cost("unheard of", 5.0))
    assert left(budgets) == 9.5


def test_a_cost_that_nobody_knows_is_what_was_reserved(budgets: Budgets) -> None:
    budgets.left("a", TEN)
    budgets.reserve("one", "a", 3.0)
    budgets.settle(Cost("one", None))
    assert left(budgets) == 7


def test_a_cost_may_exceed_what_was_left(budgets: Budgets) -> None:
    budgets.left("a", TEN)
    budgets.reserve("one", "a", 9.0)
    budgets.settle(Cost("one", 12.0))
    assert left(budgets) == 0


def test_a_reservation_expires_and_its_report_counts_all_the_same(
    budgets: Budgets, clock: Clock
) -> None:
    budgets.left("a", TEN)
    budgets.reserve("one", "a", 4.0)
    clock.now += EXPIRES_SECONDS - 1
    assert left(budgets) == 6
    clock.now += 1
    assert left(budgets) == 10
    budgets.settle(Cost("one", 1.5))
    assert left(budgets) == 8.5


def test_a_period_begins_anew_and_what_was_reserved_before_is_nobodys(
    budgets: Budgets, clock: Clock
) -> None:
    budgets.left("a", TEN)
    budgets.reserve("one", "a", 4.0)
    budgets.reserve("two", "a", 4.0)
    budgets.settle(Cost("two", 4.0))
    clock.now = 101 * DAY - 0.001
    assert left(budgets) == 6  # the first has expired
    clock.now = 101 * DAY
    assert left(budgets) == 10
    budgets.settle(Cost("one", 4.0))
    assert left(budgets) == 10
    clock.now = 100 * DAY  # a clock that goes back brings nothing back
    budgets.reserve("three", "a", 1.0)
    assert left(budgets) == 9


def test_what_is_remembered_is_bounded(budgets: Budgets) -> None:
    budgets.left("a", TEN)
    for number in range(REMEMBERED + 10):
        budgets.reserve(str(number), "a", 1e-6)
    assert left(budgets) == pytest.approx(10 - REMEMBERED * 1e-6)


def test_accounts_that_no_routes_name_any_more_go_and_a_limit_may_change(budgets: Budgets) -> None:
    budgets.open({"a": TEN, "b": TEN})
    budgets.reserve("one", "a", 4.0)
    budgets.open({"a": Budget(5.0, Period.DAY)})
    assert {name: one.left for name, one in budgets.standing().items()} == {"a": 1.0}
    budgets.open({"a": Budget(5.0, Period.HOUR)})
    assert budgets.left("a", Budget(5.0, Period.HOUR)) == 5


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.floats(0, 3), st.booleans()),
        max_size=40,
    )
)
def test_left_is_always_the_budget_without_what_is_spent_and_open(
    steps: list[tuple[str, float, bool]],
) -> None:
    budgets = Budgets(Clock(0.0))
    budgets.left("a", TEN)
    spent, open_ = 0.0, dict[str, float]()
    for name, usd, settles in steps:
        if settles:
            budgets.settle(Cost(name, usd))
            spent += usd if open_.pop(name, None) is not None else 0.0
        elif name not in open_:
            budgets.reserve(name, "a", usd)
            open_[name] = usd
        expected = max(0.0, 10 - spent - sum(open_.values()))
        assert budgets.left("a", TEN) == pytest.approx(expected, abs=1e-9)


def test_with_others_it_keeps_to_its_ceiling_and_says_when_that_is_low(clock: Clock) -> None:
    budgets = Budgets(clock, is_shared=True)
    budgets.open({"a": TEN})
    budgets.go_alone()
    assert left(budgets) == 10
    (share,) = budgets.shares()
    budgets.take({"a": Grant(share.period, ceiling=4.0, elsewhere=3.0)})
    assert left(budgets) == 4
    assert not budgets.reserve("one", "a", 1.0)
    assert budgets.reserve("two", "a", 1.5)
    assert not budgets.reserve("three", "a", 0.1)  # it has said so
    assert budgets.standing()["a"].left == pytest.approx(10 - 3 - 2.6)
    budgets.lacked("a", 2.0)
    (share,) = budgets.shares()
    assert (share.spent, share.wanted) == (0.0, 2.0)
    assert share.reserved == pytest.approx(2.6)
    budgets.go_alone()
    assert left(budgets) == pytest.approx(10 - 3 - 2.6)


def test_who_lacks_asks_the_others_now_and_then_and_only_for_what_they_may_have(
    clock: Clock,
) -> None:
    budgets = Budgets(clock, is_shared=True)
    budgets.open({"a": TEN})
    (share,) = budgets.shares()
    budgets.take({"a": Grant(share.period, ceiling=1.0, elsewhere=6.0)})
    assert not budgets.lacked("a", 4.5)
    assert budgets.lacked("a", 3.5)
    assert not budgets.lacked("a", 3.5)
    clock.now += ASK_SECONDS
    assert budgets.lacked("a", 3.5)
    assert budgets.shares()[0].wanted == 4.5
    alone = Budgets(clock)
    alone.left("a", TEN)
    assert not alone.lacked("a", 3.5)


def test_before_it_has_heard_of_the_others_it_takes_a_tenth(clock: Clock) -> None:
    budgets = Budgets(clock, is_shared=True)
    budgets.open({"a": TEN})
    (share,) = budgets.shares()
    budgets.take({"a": Grant(share.period, 9.0, 0.0)})
    clock.now += DAY
    assert left(budgets) == PROVISIONAL * 10
    budgets.take({"a": Grant(share.period, 9.0, 0.0)})  # of the day before
    assert left(budgets) == PROVISIONAL * 10


def test_costs_of_others_decisions_are_kept_for_them_once(clock: Clock) -> None:
    budgets = Budgets(clock, is_shared=True)
    budgets.settle(Cost("before any budget", 1.0))
    budgets.open({"a": TEN})
    budgets.settle(Cost("another's", 1.0))
    budgets.settle(Cost("another's, as heard from the others", 1.0), is_stray=True)
    assert budgets.strays() == [Cost("another's", 1.0)]
    assert budgets.strays() == []


def test_a_ceiling_is_half_of_what_is_free_or_what_is_wanted() -> None:
    def ceiling(held: float, *, wanted: float = 0.0, leaves: bool = False) -> float:
        share = Share(tenant="a", period=0, limit=10, spent=1, reserved=1, wanted=wanted)
        return ceiling_of(share, held=held, leaves=leaves)

    assert ceiling(4) == 2 + 2
    assert ceiling(4, wanted=3) == 2 + 3
    assert ceiling(4, wanted=30) == 2 + 4
    assert ceiling(12) == 2
    assert ceiling(4, leaves=True) == 2
