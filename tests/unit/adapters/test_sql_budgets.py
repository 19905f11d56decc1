"""Budgets that processes share in a database: each kind, races, deaths and a database that ends."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from tests.postgres_server import running_postgres
from waypost_server.adapters.budget_tables import BUDGETS, COSTS
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_budgets import SqlBudgets
from waypost_server.core.budgets import EXPIRES_SECONDS
from waypost_server.core.errors import SharedStateError
from waypost_server.core.shared_budgets import (
    SILENT_SECONDS,
    Cost,
    Grant,
    Line,
    Share,
)

LIMIT = 12.0


def share(spent: float = 0.0, reserved: float = 0.0, **fields: object) -> Share:
    own = {"tenant": "a", "period": 100, "limit": LIMIT, "spent": spent, "reserved": reserved}
    return Share(**(own | fields))  # type: ignore[arg-type]


@pytest.fixture
def state(database_url: str) -> Iterator[SqlBudgets]:
    made = SqlBudgets(open_database(database_url))
    yield made
    made.close()


Say = Callable[..., Grant]


@pytest.fixture
def say(state: SqlBudgets) -> Say:
    def tell(process: str, *args: float, leaves: bool = False, **fields: object) -> Grant:
        said = share(*args, **fields)  # type: ignore[arg-type]
        return state.exchange(process, [said], [], since=0, leaves=leaves).grants["a"]

    return tell


def test_whoever_comes_gets_half_of_what_is_free_until_all_have_the_same(say: Say) -> None:
    assert say("one").ceiling == 6
    assert say("two").ceiling == 3
    for _ in range(20):
        ceilings = [say("one").ceiling, say("two").ceiling]
    assert ceilings == [pytest.approx(4), pytest.approx(4)]
    assert say("two", leaves=True).ceiling == 0
    assert say("one").ceiling == 6


def test_what_is_wanted_is_given_as_long_as_there_is_any(say: Say) -> None:
    assert say("one", wanted=10.0).ceiling == 10
    assert say("two", 0.5, wanted=10.0).ceiling == 2
    assert say("three", wanted=1.0).ceiling == 0


def test_what_others_have_used_is_told(say: Say) -> None:
    say("one", 1.0, 2.0)
    assert say("two", 4.0) == Grant(100, 4.25, 3.0)  # of the rest, the first holds half


def test_another_period_begins_with_all_of_it(say: Say) -> None:
    say("one", 11.0)
    assert say("two", period=200) == Grant(200, 6.0, 0.0)


def test_another_tenant_has_a_budget_of_its_own(say: Say, state: SqlBudgets) -> None:
    say("one", 11.0)
    found = state.exchange("one", [share(tenant="b")], [], since=0)
    assert found.grants == {"b": Grant(100, 6.0, 0.0)}


def age(database_url: str, process: str, seconds: float) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        own = BUDGETS.c.process_id == process
        connection.execute(sqlalchemy.update(BUDGETS).where(own).values(at=BUDGETS.c.at - seconds))
    engine.dispose()


def test_of_a_dead_process_what_it_used_counts_and_its_reservations_until_they_expire(
    say: Say, database_url: str
) -> None:
    assert say("one", 2.0, 2.0).ceiling == 8
    assert say("two").ceiling == 2
    age(database_url, "one", SILENT_SECONDS + 1)
    assert say("two") == Grant(100, 4.0, 4.0)
    age(database_url, "one", EXPIRES_SECONDS)
    assert say("two") == Grant(100, 5.0, 2.0)
    assert say("one", 2.0).ceiling == pytest.approx(2 + 5 / 2)


def test_costs_reach_all_who_have_not_heard_of_them(state: SqlBudgets) -> None:
    costs = [Cost("x", 0.25), Cost("y", None)]
    first = state.exchange("one", [share()], [], since=-1)
    second = state.exchange("two", [], costs, since=-1)
    assert (first.costs, [*second.costs]) == ([], costs)
    found = state.exchange("one", [share()], [], since=first.last)
    assert [*found.costs] == costs
    again = state.exchange("one", [share()], [], since=found.last)
    assert (again.costs, again.last) == ([], found.last)
    late = state.exchange("three", [share()], [], since=-1)
    assert (late.costs, late.last) == ([], found.last)


def test_what_is_old_goes(state: SqlBudgets, database_url: str) -> None:
    state.exchange("one", [share(1.0)], [Cost("x", 1.0)], since=0)
    age(database_url, "one", EXPIRES_SECONDS + 1)
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.update(COSTS).values(at=COSTS.c.at - EXPIRES_SECONDS - 1))
    last = state.exchange("two", [share(period=200)], [Cost("y", 1.0)], since=0).last
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(BUDGETS.c.process_id)).all()
        kept = connection.execute(sqlalchemy.select(COSTS.c.decision_id, COSTS.c.id)).all()
    engine.dispose()
    assert [row[0] for row in rows] == ["two"]
    assert [tuple(row) for row in kept] == [("y", last)]


def test_the_lines_say_how_all_stand_in_the_newest_period(
    state: SqlBudgets, database_url: str
) -> None:
    assert state.lines() == []
    state.exchange("one", [share(1.0, 0.5), share(9.0, tenant="b", period=50)], [], since=0)
    state.exchange("two", [share(2.0, 0.25, limit=20.0)], [], since=0)
    state.exchange("two", [share(1.5, tenant="b", period=60)], [], since=0)
    assert state.lines() == [
        Line(tenant="a", period=100, limit=20.0, spent=3.0, reserved=0.75),
        Line(tenant="b", period=60, limit=LIMIT, spent=1.5, reserved=0.0),
    ]
    age(database_url, "one", EXPIRES_SECONDS + 1)
    assert [line.reserved for line in state.lines()] == [0.25, 0.0]


def test_processes_that_spend_at_once_spend_no_more_than_there_is_and_hardly_less(
    repo: Path, database_url: str
) -> None:
    spender = [sys.executable, "-m", "tests.unit.adapters.spender", database_url, str(LIMIT)]
    processes = [
        subprocess.Popen([*spender, f"p{number}"], cwd=repo, stdout=subprocess.PIPE)
        for number in range(4)
    ]
    spent = sum(float(process.communicate(timeout=60)[0]) for process in processes)
    assert LIMIT - 0.3 * len(processes) < spent <= LIMIT + 1e-6
    state = SqlBudgets(open_database(database_url))
    (line,) = state.lines()
    state.close()
    assert line.spent == pytest.approx(spent)
    assert line.reserved == pytest.approx(0, abs=1e-9)


def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = SqlBudgets(open_database(f"sqlite:///{tmp_path}/file/waypost.db"))
    with pytest.raises(SharedStateError, match="cannot be used: "):
        state.exchange("one", [share()], [], since=-1)


def test_a_postgresql_that_ends_is_used_again_once_it_is_back() -> None:
    with running_postgres() as server:
        state = SqlBudgets(open_database(server.new_database()))
        state.exchange("one", [share(1.0)], [], since=-1)
        server.stop()
        with pytest.raises(SharedStateError):
            state.exchange("one", [share(2.0)], [], since=-1)
        server.start()
        state.exchange("one", [share(2.5)], [], since=-1)
        assert [line.spent for line in state.lines()] == [2.5]
        state.close()
