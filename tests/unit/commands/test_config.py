import json

import pytest

from tests.unit.commands.cli import waypost
from waypost_server.settings import Settings, settings_table


def test_every_setting_is_shown_as_the_variable_that_sets_it() -> None:
    shown = waypost("config", "show", address="localhost:7", workers="3")
    pairs = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    assert list(pairs) == [f"WAYPOST_{name.upper()}" for name in Settings.model_fields]
    assert (pairs["WAYPOST_ADDRESS"], pairs["WAYPOST_WORKERS"]) == ("localhost:7", "3")


def test_what_is_shown_sets_the_same_when_it_is_read_back() -> None:
    shown = json.loads(waypost("config", "show", "--json", drain_seconds="0.5").stdout)
    again = waypost("config", "show", "--json", **{k: str(v) for k, v in shown.items()})
    assert json.loads(again.stdout) == shown


def test_the_table_for_the_docs_does_not_depend_on_the_environment() -> None:
    shown = waypost("config", "show", "--markdown", address="localhost:7")
    assert shown.stdout == f"{settings_table()}\n"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("workers", "waypost: WAYPOST_WORKERS is 'none': write a whole number above 0"),
        (
            "worker",
            "waypost: WAYPOST_WORKER is no setting of Waypost; did you mean WAYPOST_WORKERS",
        ),
    ],
)
def test_a_wrong_setting_ends_with_1_and_the_variables_name(setting: str, message: str) -> None:
    shown = waypost("config", "show", **{setting: "none"})
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith(message)
    assert shown.stderr.count("\n") == 1


def test_each_value_can_be_shown_with_its_origin() -> None:
    shown = waypost("config", "show", "--origin", workers="3")
    lines = shown.stdout.splitlines()
    assert "WAYPOST_WORKERS=3  # environment WAYPOST_WORKERS" in lines
    assert "WAYPOST_LOG_LEVEL=info  # default, taken up on SIGHUP" in lines
    as_json = json.loads(waypost("config", "show", "--origin", "--json", workers="3").stdout)
    assert as_json["workers"] == {
        "value": 3,
        "origin": "environment",
        "where": "WAYPOST_WORKERS",
        "reloaded": False,
    }
