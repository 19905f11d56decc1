"""Parameters from a routes folder's words to what a caller reads, and the page that shows how."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.topics import DEFAULT, build, topics
from tests.folders import write_folder
from waypost_client import Client, Reason

PAGE = Path(__file__).parents[2] / "docs/params.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server whose route travel is configured as the page shows."""
    folder = tmp_path_factory.mktemp("params")
    routes = topics(folder)
    write_folder(routes, {"travel/route.yaml": blocks("yaml")[0]})
    build(routes, folder / "index")
    with running_server(folder / "index") as server:
        with Client(server.address, timeout_s=20) as client:
            yield client
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()


def test_what_the_page_shows_is_what_a_caller_gets(travel: Client) -> None:
    shown = json.loads(blocks("json")[0])
    contract = travel.route(shown["text"])
    assert contract.route == "travel"
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    found = {**contract.extracted_params}
    assert found.pop("day") in (tomorrow.isoformat(), (tomorrow - timedelta(days=1)).isoformat())
    expected = {**shown["extracted_params"]}
    expected.pop("day")
    assert found == expected
    assert list(contract.missing_params) == shown["missing_params"]
    assert Reason.MISSING_PARAMS in contract.reasons


def test_a_route_without_parameters_has_none(travel: Client) -> None:
    contract = travel.route("find me another album please, for 3 people tomorrow")
    assert contract.route == "music"
    assert not contract.extracted_params
    assert not contract.missing_params
    assert Reason.MISSING_PARAMS not in contract.reasons


def test_a_long_text_full_of_figures_is_answered(travel: Client) -> None:
    contract = travel.route("book a hotel room in Lyon " + "1," * 15_000)
    assert contract.route in ("travel", DEFAULT)


def test_the_shipped_routes_say_what_they_found(client: Client) -> None:
    contract = client.route("default of max_connections in postgres 16")
    assert contract.route == "docs_lookup"
    assert contract.extracted_params == {"library": "postgresql", "version": "16"}
    contract = client.route("what is the default value of this flag")
    assert (contract.route, contract.missing_params) == ("docs_lookup", ("library",))


def test_the_command_shows_them(server: ServerProcess) -> None:
    address = server.address
    said = waypost("ask", "default of max_connections in postgres 16", "--address", address)
    assert '  params     library="postgresql", version="16"' in said.stdout.splitlines()
    said = waypost("ask", "what is the default value of this flag", "--address", address)
    assert "  missing    library" in said.stdout.splitlines()
