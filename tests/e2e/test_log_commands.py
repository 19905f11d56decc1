"""`waypost log` beside a server that runs."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ROOT, WAYPOST, environment, running_server, waypost
from tests.e2e.topics import CLEAR, build, topics
from waypost_client import AdminClient, Client
from waypost_server.commands.replay_text import OF_ANOTHER_TEXT, OF_GIVEN_TEXT


def test_show_says_what_a_new_bundle_changes(tmp_path: Path) -> None:
    routes, index = topics(tmp_path), tmp_path / "index"
    build(routes, index)
    database = f"sqlite:///{tmp_path}/waypost.db"
    with (
        running_server(index, WAYPOST_DATABASE=database, WAYPOST_LOG_TEXT="true") as server,
        Client(server.address) as client,
    ):
        contract = client.route(
            CLEAR["music"], allowed_routes=["music", "travel"], wait_for_log=True
        )

        def show() -> dict[str, object]:
            command = ("log", "show", contract.decision_id, "--index", str(index), "--json")
            shown = waypost(*command, WAYPOST_DATABASE=database)
            assert shown.returncode == 0, shown.stderr
            replay: dict[str, object] = json.loads(shown.stdout)["replay"]
            return replay

        same = show()
        assert (same["problem"], same["changes"]) == ("", [])

        exemplars = routes / "music/exemplars.txt"
        (routes / "travel/exemplars.txt").write_text(exemplars.read_text("utf-8"), "utf-8")
        exemplars.write_text("a violin and a cello\nthe orchestra\n", "utf-8")
        build(routes, index)
        replay = show()
        assert isinstance(replay["changes"], list)
        changes = {change["name"]: change for change in replay["changes"]}
        assert (changes["route"]["before"], changes["route"]["now"]) == ("music", "travel")
        assert changes["index_version"]["before"] == server.index_version
        assert {"confidence", "threshold", "candidates", "models"} <= changes.keys()


@pytest.mark.parametrize("kept", [True, False])
def test_show_says_that_a_text_is_not_the_one_decided_on(tmp_path: Path, kept: bool) -> None:
    index = tmp_path / "index"
    build(topics(tmp_path), index)
    database = f"sqlite:///{tmp_path}/waypost.db"
    # Similarities of two encoders cannot be compared.
    settings = {"WAYPOST_DATABASE": database, "WAYPOST_TWO_STAGE": "false"}
    with (
        running_server(index, WAYPOST_LOG_TEXT=f"{kept}", **settings) as server,
        Client(server.address) as client,
    ):
        contract = client.route(CLEAR["music"], wait_for_log=True)

    def show(*options: str) -> str:
        command = ("log", "show", contract.decision_id, "--index", str(index), *options)
        shown = waypost(*command, **settings)
        assert shown.returncode == 0, shown.stderr
        return shown.stdout

    own, another = ("--text", CLEAR["music"]), ("--text", CLEAR["travel"])
    said = show(*own)
    assert "nothing: it would be decided as it was" in said
    assert OF_ANOTHER_TEXT not in said
    assert (OF_GIVEN_TEXT in said) is not kept
    assert OF_ANOTHER_TEXT in show(*another)
    for options, is_another in ((own, False), (another, True)):
        assert json.loads(show(*options, "--json"))["replay"]["of_another_text"] is is_another


def test_show_says_what_a_switch_changes(tmp_path: Path) -> None:
    index = tmp_path / "index"
    build(topics(tmp_path), index)
    database = f"sqlite:///{tmp_path}/waypost.db"
    with (
        running_server(index, WAYPOST_DATABASE=database, WAYPOST_LOG_TEXT="true") as server,
        Client(server.address) as client,
        AdminClient(server.admin_address) as admin,
    ):
        contract = client.route(CLEAR["music"], wait_for_log=True)
        command = ("log", "show", contract.decision_id, "--index", str(index))

        def show() -> dict[str, Any]:
            shown = waypost(*command, "--json", WAYPOST_DATABASE=database)
            assert shown.returncode == 0, shown.stderr
            replay: dict[str, Any] = json.loads(shown.stdout)["replay"]
            assert replay["problem"] == ""
            return replay

        admin.set_route_enabled("weather", False)
        of_another = show()
        assert of_another["changes"] == of_another["switches"]["changes"] == []
        assert [each["name"] for each in of_another["switches"]["off"]] == ["weather"]

        admin.set_route_enabled("music", False, note="sings out of tune")
        live = client.route(CLEAR["music"])
        replay = show()
        assert replay["decision"]["route"] == live.route != "music"
        off = replay["switches"]["off"]
        assert {(each["kind"], each["name"], each["note"]) for each in off} == {
            ("route", "weather", ""),
            ("route", "music", "sings out of tune"),
        }
        by_switches = {change["name"]: change for change in replay["switches"]["changes"]}
        assert by_switches["route"] == {"name": "route", "before": "music", "now": live.route}
        assert replay["changes"] == replay["switches"]["changes"]  # the bundle is the same
        said = waypost(*command, WAYPOST_DATABASE=database).stdout
        change = f"  {'route':<20} music -> {live.route}\n"
        assert change in said.partition("Which changes in the answer:\n")[2]
        assert ": sings out of tune\n" in said

        admin.set_route_enabled("music", True)
        admin.set_route_enabled("weather", True)
        admin.set_model_enabled("cheap", False)
        [of_models, *_] = [c for c in show()["switches"]["changes"] if c["name"] == "models"]
        assert (of_models["before"], of_models["now"]) == (["cheap", "strong"], ["strong"])

        later = client.route(CLEAR["music"], wait_for_log=True)
        said = waypost("log", "show", later.decision_id, WAYPOST_DATABASE=database).stdout
        assert "left out     cheap: switched off by an operator\n" in said


def test_tail_follows_what_is_decided(tmp_path: Path) -> None:
    build(topics(tmp_path), tmp_path / "index")
    database = f"sqlite:///{tmp_path}/waypost.db"
    with (
        running_server(tmp_path / "index", WAYPOST_DATABASE=database) as server,
        Client(server.address) as client,
    ):
        first = client.route(CLEAR["music"], wait_for_log=True)
        with subprocess.Popen(
            [*WAYPOST, "log", "tail", "-f"],
            cwd=ROOT,
            env=environment(WAYPOST_DATABASE=database),
            stdout=subprocess.PIPE,
            text=True,
        ) as tail:
            assert tail.stdout is not None
            assert first.decision_id in tail.stdout.readline()
            second = client.route(CLEAR["travel"])
            assert second.decision_id in tail.stdout.readline()
            tail.terminate()
