"""The command line as a person or a script uses it."""

import importlib.metadata
import json
import socket
from pathlib import Path

import jsonschema
import pytest

from tests.e2e.processes import ServerProcess, waypost
from waypost_client import Client


def test_ask_prints_a_contract_that_a_person_can_read(server: ServerProcess) -> None:
    asked = waypost("ask", "why does this test hang", "--address", server.address, "--explain")
    assert asked.returncode == 0, asked.stderr
    first, *rest = asked.stdout.splitlines()
    assert "; confidence 0." in first
    assert {line.split()[0] for line in rest} >= {"why", "reasons", "models", "took", "candidate"}


def test_ask_as_json_fits_the_servers_schema(server: ServerProcess, client: Client) -> None:
    asked = waypost("ask", "why does this test hang", "--address", server.address, "--json")
    contract = json.loads(asked.stdout)
    jsonschema.validate(contract, json.loads(client.contract_schema()))
    assert contract["route"] == client.route("why does this test hang").route


def test_the_address_may_come_from_the_environment(server: ServerProcess) -> None:
    listed = waypost("routes", WAYPOST_ADDRESS=server.address)
    assert listed.returncode == 0, listed.stderr
    assert server.index_version in listed.stdout


def test_the_addresses_may_come_from_the_file_of_the_server(
    server: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "waypost.toml"
    file.write_text(
        f'address = "{server.address}"\nadmin_address = "{server.admin_address}"\nworkers = 1\n'
    )
    for command in (("routes",), ("status",), ("switch", "list"), ("ask", "why does it hang")):
        ended = waypost(*command, WAYPOST_CONFIG=str(file))
        assert ended.returncode == 0, ended.stderr


def test_a_demo_leaves_nothing_among_what_the_user_keeps(
    index_folder: Path, tmp_path: Path
) -> None:
    database, review = tmp_path / "own.db", tmp_path / "review.jsonl"
    ended = waypost(
        "demo",
        "--index",
        str(index_folder),
        WAYPOST_DATABASE=f"sqlite:///{database}",
        WAYPOST_REVIEW_FILE=str(review),
    )
    assert ended.returncode == 0, ended.stderr
    assert "queries routed; the server has stopped" in ended.stdout
    assert [*tmp_path.iterdir()] == []


def test_routes_as_json_is_what_the_client_lists(server: ServerProcess, client: Client) -> None:
    listed = json.loads(waypost("routes", "--address", server.address, "--json").stdout)
    loaded = client.routes()
    assert [route["name"] for route in listed["routes"]] == [r.name for r in loaded.routes]
    assert listed["default_route"] == loaded.default_route


@pytest.mark.parametrize("arguments", [("ask", "why"), ("routes",)])
def test_no_server_is_said_in_a_sentence(arguments: tuple[str, ...]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        ended = waypost(*arguments, "--address", address)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert address in ended.stderr
    assert f"no server answers at {address}; start one with `waypost serve`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_query_that_is_refused_ends_with_1_and_the_servers_words(server: ServerProcess) -> None:
    ended = waypost("ask", "  ", "--address", server.address)
    assert ended.returncode == 1
    assert "text is empty or blank" in ended.stderr


def test_demo_routes_its_queries_and_leaves_nothing_running(index_folder: Path) -> None:
    shown = waypost("demo", "--index", str(index_folder))
    assert shown.returncode == 0, shown.stderr
    assert sum(line.startswith("> ") for line in shown.stdout.splitlines()) >= 8
    address = shown.stdout.split("listens on ")[1].split()[0]
    host, port = address.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


def test_demo_without_a_bundle_ends_with_1_and_the_cure(tmp_path: Path) -> None:
    shown = waypost("demo", "--index", str(tmp_path))
    assert shown.returncode == 1
    assert "run `waypost build" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_help_lists_every_command() -> None:
    shown = waypost("--help")
    assert shown.returncode == 0
    names = {entry.name for entry in importlib.metadata.entry_points(group="waypost.commands")}
    listed = shown.stdout.split("Commands:\n")[1]
    assert {line.split()[0] for line in listed.splitlines()} == names
    assert names >= {"ask", "build", "config", "demo", "encoder", "routes", "serve"}


@pytest.mark.parametrize("arguments", [("nonsense",), ("ask",), ("serve", "--port", "1")], ids=str)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    ended = waypost(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Usage: waypost")
