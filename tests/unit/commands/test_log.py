"""`waypost log` on a log that a server has left."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from tests.records import NOON, decision, outcome
from tests.unit.commands.cli import waypost, waypost_here
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.adapters.sql_state import SqlState
from waypost_server.commands.times import Time
from waypost_server.core.outcome import Outcome
from waypost_server.core.replay import NEAR
from waypost_server.core.shared_state import Act

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
        "plan         1. music 0.900; 2. a/b 0.300 after 1",
        "flags        PERSONAL_DATA LOW, JAILBREAK HIGH",
        "left out     large: switched off by an operator",
        "asking cost  $0.00012",
        "metadata     channel=chät, ",
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
    assert said["replay"] == {
        "problem": "it is not in the log",
        "decision": None,
        "changes": [],
        "not_replayed": [],
        "switches": None,
        "of_another_text": False,
    }


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


def test_tail_shows_all_since_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    log = DatabaseLog(open_database(url))
    made = [decision(at_ms=NOON + i * 1000) for i in range(15)]
    log.append(made)
    log.close()

    def shown(*options: str) -> list[str]:
        ended = waypost("log", "tail", *options, database=url)
        assert ended.returncode == 0, ended.stderr
        return [line.split()[1] for line in ended.stdout.splitlines()]

    ids = [one.decision_id for one in made]
    assert shown() == ids[-10:]
    assert shown("--since", "2027-01-15T08:00:02") == ids[2:]
    assert shown("--since", "2027-01-15T08:00:02", "-n", "3") == ids[-3:]
    assert shown("--since", "2027-01-15T08:00:14.001Z") == []


def test_where_nothing_is_found_it_is_said_to_people(database: str) -> None:
    none = ("log", "tail", "--route", "no_such")
    said = waypost_here(*none, database=database)
    assert (said.returncode, said.stdout) == (0, "")
    assert said.stderr == "waypost: the log has no such decision\n"
    for silent in ((*none, "--json"), ("log", "tail", "-n", "0")):
        ended = waypost_here(*silent, database=database)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    found = waypost_here("log", "tail", database=database)
    assert (len(found.stdout.splitlines()), found.stderr) == (2, "")


def test_an_audit_of_nothing_says_so_to_people(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    state = SqlState(open_database(url))
    state.audited()  # which makes the tables
    state.close()
    for options, words in (((), "nothing"), (("--since", "1h"), "nothing since then")):
        ended = waypost_here("audit", *options, database=url)
        assert (ended.returncode, ended.stdout) == (0, "")
        assert ended.stderr == f"waypost: the audit has {words}\n"
    told = waypost_here("audit", "--json", database=url)
    assert (json.loads(told.stdout), told.stderr) == ([], "")


def test_the_help_of_show_names_the_tolerance() -> None:
    said = " ".join(waypost_here("log", "show", "--help").stdout.split())
    assert f"similarity to a candidate's exemplars differs by more than {NEAR:g}." in said


AFTER, BEFORE = "2027-01-15T08:00:00.003", "2027-01-15"


@pytest.mark.parametrize("said", [AFTER, f"{AFTER}Z", "2027-01-15 09:00:00.003+01:00"])
def test_tail_and_export_take_the_same_times(database: str, tmp_path: Path, said: str) -> None:
    out = tmp_path / "file.jsonl"
    for command in (("log", "tail", "--json"), ("log", "export", out, "--force")):
        for since, count in ((said, 1), (BEFORE, 2), ("99999d", 2)):
            ended = waypost_here(*command, "--since", since, database=database)
            assert ended.returncode == 0, ended.stderr
            assert len((ended.stdout or out.read_text("utf-8")).splitlines()) == count


def test_the_audit_takes_the_same_times(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    state = SqlState(open_database(url))
    state.audit(Act(who="ada", act="activate", target="now"))
    [audited] = state.audited()
    state.close()
    at = datetime.fromtimestamp(audited.at, UTC)
    for since, count in (
        ("1h", 1),
        (f"{at:%Y-%m-%d}", 1),
        (f"{at - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}", 1),
        (f"{at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}", 0),
        (f"{at + timedelta(hours=1, seconds=1):%Y-%m-%dT%H:%M:%S}+02:00", 1),
    ):
        ended = waypost_here("audit", "--since", since, database=url)
        assert (ended.returncode, len(ended.stdout.splitlines())) == (0, count), since


@pytest.mark.parametrize("command", [("log", "tail"), ("log", "export", "f"), ("audit",)])
def test_what_is_no_time_is_said_alike(database: str, command: tuple[str, ...]) -> None:
    ended = waypost_here(*command, "--since", "yesterday", database=database)
    assert ended.returncode == 2
    assert "'yesterday': write 24h, 7d, 23:41 or 2027-01-31T12:00" in ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("log", "tail"),
        ("log", "tail", "-f"),
        ("log", "show", LONELY),
        ("log", "export", "f"),
        ("audit",),
    ],
    ids=" ".join,
)
def test_a_command_that_reads_makes_no_database(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "data/waypots.db"
    ended = waypost(*command, database=f"sqlite:///{path}")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"waypost: WAYPOST_DATABASE names {path}, and there is no such file: name the one that "
        "the server keeps, or run the command in the server's folder\n"
    )
    assert not [*tmp_path.iterdir()]


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
    with pytest.raises(click.BadParameter, match="write 24h, 7d, 23:41 or"):
        Time().convert("soon", None, None)


def test_a_time_of_day_is_the_last_one() -> None:
    day = timedelta(days=1)
    now = datetime.now(UTC)
    for ago in (timedelta(minutes=2), timedelta(hours=11), timedelta(hours=23)):
        meant = now - ago
        read = datetime.fromtimestamp(Time().convert(f"{meant:%H:%M:%S}", None, None) / 1000, UTC)
        assert read == meant.replace(microsecond=0)
    ahead = now + timedelta(minutes=2)
    read = datetime.fromtimestamp(Time().convert(f"{ahead:%H:%M}", None, None) / 1000, UTC)
    assert read == ahead.replace(second=0, microsecond=0) - day


def test_tail_finds_what_a_caller_asked_under_an_id_until_a_time(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    log = DatabaseLog(open_database(database))
    ids = ["r-1", "R-1", "r-11", 'a "b" \\', ""]
    fakes = decision(
        request_id="x", text='"request_id":"r-1"', rejection_reason='"request_id":"r-1"'
    )
    log.append([*(decision(at_ms=NOON + i, request_id=id_) for i, id_ in enumerate(ids)), fakes])
    log.close()

    def found(*options: str) -> list[str]:
        ended = waypost_here("log", "tail", "--json", *options, database=database)
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line)["request_id"] for line in ended.stdout.splitlines()]

    for id_ in ids:
        assert found("--request", id_) == [id_]
    assert found("--until", "2027-01-15T08:00:00.002Z") == ["x", "r-1", "R-1"]
    assert found("--outcome", "BLOCKED") == []
