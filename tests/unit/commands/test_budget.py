"""`waypost budget` reads what servers have kept."""

import json
from pathlib import Path

from click.testing import CliRunner

from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_budgets import SqlBudgets
from waypost_server.commands.budget import budget
from waypost_server.core.shared_budgets import Share

DAY = 86_400


def run(database: str, *arguments: str) -> tuple[int, str]:
    done = CliRunner(env={"WAYPOST_DATABASE": database}).invoke(budget, arguments)
    return done.exit_code, done.output


def test_it_shows_what_is_spent_reserved_and_left(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    assert run(database)[0] == 1  # no server has run with it
    state = SqlBudgets(open_database(database))
    state.exchange("one", [], [], since=-1)
    assert run(database) == (0, "no tenant's budget was used yet\n")
    shares = [
        Share(tenant="acme", period=DAY, limit=20.0, spent=1.25, reserved=0.5),
        Share(tenant="a tenant", period=2 * DAY, limit=5.0, spent=9.0, reserved=0.0),
    ]
    state.exchange("one", shares, [], since=-1)
    state.exchange("two", shares[:1], [], since=-1)
    state.close()
    code, said = run(database)
    assert code == 0
    assert said.splitlines() == [
        "tenant        budget       spent    reserved        left  in US dollars",
        "a tenant        5.00      9.0000      0.0000      0.0000  since 1970-01-03T00:00:00+00:00",
        "acme           20.00      2.5000      1.0000     16.5000  since 1970-01-02T00:00:00+00:00",
    ]
    assert json.loads(run(database, "--json")[1])[1] == {
        "tenant": "acme",
        "period": "1970-01-02T00:00:00+00:00",
        "limit": 20.0,
        "spent": 2.5,
        "reserved": 1.0,
        "left": 16.5,
    }
