"""`waypost log` on a log that a server has left."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from tests.records import NOON, decision, outcome
from tests.unit.commands.cli import waypost
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.commands.log_options import Time
from waypost_server.core.outcome import Outcome

MUSIC = decision(tenant="", text=None)
TRAVEL = decision(at_ms=NOON + 5, route="travel", outcome=Outcome.FALLBACK, text=None)
LONELY = "01a20346-90bb-7465-b170-858465de7f3e"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('log')}/waypost.db"
    log = DatabaseLog(open_database(url))
    log.append([MUSIC, TRAVEL, outcome(MUSIC.decision_id), outcome(LONELY)])
    log.close()
    return url


def test_tail_prints_a_line_for_each(database: str) -> None:
    shown = waypost("log", "tail", database=database)
    assert shown.stdout == (
        f"2027-01-15T08:00:00.000Z {MUSIC.decision_id} MATCHED      0.300 music\n"
        f"2027-01-15T08:00:00.005Z {TRAVEL.decision_id} FALLBACK     0.300 travel tenant=acme\n"
    )
    few = waypost("log", "tail", "-n", "1", "--json", "--tenant", "", database=database)
    [line] = map(json.loads, few.stdout.splitlines())
    assert (line["decision_id"], line["at"]) == (MUSIC.decision_id, "2027-01-15T08:00:00.000Z")
    assert [one["note"] for one in line["outcomes"]] == ["wörds"]


def test_show_says_all_and_why_it_cannot_be_made_again(database: str) -> None:
    shown = waypost("log", "show", MUSIC.decision_id, database=database)
    assert shown.returncode == 0, shown.stderr
    for said in (
        "route        music (MATCHED, INVOKE)",
        "because      ABOVE_THRESHOLD, ROUTE_REJECTED",
        "similarity   -0.250, needs 0.744",
        "rejected for it is about cars",
        "ACCEPTED, feedback NEGATIVE, answered by travel, right would be banking, by ci, wörds",
        "cheap failed: timeout, 0 ms, 0 + 0 tokens, $0",
        "strong as JUDGE answered, 800 ms, 1200 + 55 tokens, $0.0123",
        "It cannot be made again: its text is not in the log; give it with --text",
    ):
        assert said in shown.stdout


def test_show_knows_reports_whose_decision_is_lost(database: str) -> None:
    shown = waypost("log", "show", LONELY, "--json", database=database)
    said = json.loads(shown.stdout)
    assert "decision_id" not in said
    assert [one["caller"] for one in said["outcomes"]] == ["ci"]
    assert said["replay"] == {"problem": "it is not in the log", "decision": None, "changes": []}


def test_what_is_not_there_is_said(database: str) -> None:
    shown = waypost("log", "show", "0" * 8, database=database)
    assert shown.returncode == 1
    assert shown.stderr.startswith("waypost: there is nothing of 00000000 in the log")


def test_export_writes_what_is_wanted(database: str, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    done = waypost(
        "log", "export", path, "--format", "jsonl", "--route", "travel", database=database
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith(f"waypost: 1 decisions are in {path}\n")
    [line] = map(json.loads, path.read_text("utf-8").splitlines())
    assert line["decision_id"] == TRAVEL.decision_id
    again = waypost("log", "export", path, database=database)
    assert again.returncode == 1
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2027-01-15", datetime(2027, 1, 15, tzinfo=UTC)),
        ("2027-01-15T08:00", datetime(2027, 1, 15, 8, tzinfo=UTC)),
        ("2027-01-15T09:00+01:00", datetime(2027, 1, 15, 8, tzinfo=UTC)),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(said: str, meant: datetime) -> None:
    assert Time().convert(said, None, None) == meant.timestamp() * 1000


def test_times_may_be_ages() -> None:
    day, hours = Time().convert("1d", None, None), Time().convert("24h", None, None)
    assert abs(day - hours) < 10_000
    with pytest.raises(click.BadParameter, match="write 24h, 7d or"):
        Time().convert("soon", None, None)
