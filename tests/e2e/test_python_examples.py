"""The examples that call a server from Python do what they say, against a real one."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, environment
from waypost_client import Client

QUERY = "Should the checkout and the inventory be two services?"


def run(script: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_ten_lines_say_where_a_query_goes(
    repo: Path, server: ServerProcess, client: Client, tmp_path: Path
) -> None:
    code = (repo / "docs/examples/route.py").read_text("utf-8")
    assert len([line for line in code.splitlines() if line]) <= 10
    script = tmp_path / "route.py"
    script.write_text(code.replace("127.0.0.1:50051", server.address), "utf-8")
    ended = run(script, QUERY)
    expected = client.route(QUERY)
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        f"architecture {expected.confidence:.2f} MATCHED",
        expected.rationale,
    ]


def test_reflection_calls_what_it_knows_nothing_of(
    repo: Path, server: ServerProcess, client: Client
) -> None:
    code = (repo / "docs/examples/reflect.py").read_text("utf-8")
    assert "import waypost" not in code
    ended = run(
        repo / "docs/examples/reflect.py",
        "waypost.v1.RouterService/RouteQuery",
        json.dumps({"text": QUERY, "max_candidates": 2}),
        WAYPOST_ADDRESS=server.address,
        PYTHONPATH="",
    )
    assert ended.stderr == ""
    contract = json.loads(ended.stdout)["contract"]
    expected = client.route(QUERY)
    assert contract["route"] == expected.route
    assert contract["outcome"] == f"OUTCOME_{expected.outcome}"
    assert contract["rationale"] == expected.rationale
    assert len(contract["candidates"]) == 2


def says(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that a script ended with."""
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["waypost.v1.RouterService/RouteQuery", '{"text": ""}'], "StatusCode.INVALID_ARGUMENT: "),
        (["waypost.v1.RouterService/RouteQuery", '{"text"}'], "JSON"),
        (["waypost.v1.RouterService/RouteQuery", '{"txt": ""}'], '"txt"'),
        (["waypost.v1.RouterService/Route", "{}"], "Route"),
        (["waypost.v1.Router/RouteQuery", "{}"], "waypost.v1.Router"),
        (["waypost.v1.RouterService/RouteQuery"], "usage: reflect.py PACKAGE.SERVICE/METHOD JSON"),
        ([], "usage: reflect.py PACKAGE.SERVICE/METHOD JSON"),
    ],
    ids=["status", "no JSON", "unknown field", "unknown method", "unknown service", "one", "none"],
)
def test_reflection_says_in_a_line_why_a_call_failed(
    repo: Path, server: ServerProcess, arguments: list[str], why: str
) -> None:
    script = repo / "docs/examples/reflect.py"
    assert why in says(run(script, *arguments, WAYPOST_ADDRESS=server.address))


def test_ten_lines_say_in_a_line_that_there_is_nothing_to_ask(
    repo: Path, server: ServerProcess, tmp_path: Path
) -> None:
    script = tmp_path / "route.py"
    code = (repo / "docs/examples/route.py").read_text("utf-8")
    script.write_text(code.replace("127.0.0.1:50051", server.address), "utf-8")
    assert says(run(script)).startswith(f"{server.address}: INVALID_ARGUMENT: text ")


def test_without_a_server_both_say_in_a_line_where_none_answers(repo: Path, tmp_path: Path) -> None:
    with socket.socket() as bound:  # and not listening: whoever connects is refused
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        script = tmp_path / "route.py"
        code = (repo / "docs/examples/route.py").read_text("utf-8")
        script.write_text(code.replace("127.0.0.1:50051", address), "utf-8")
        assert says(run(script, QUERY)).startswith(f"{address}: UNAVAILABLE: ")
        call = ("waypost.v1.RouterService/RouteQuery", "{}")
        said = says(run(repo / "docs/examples/reflect.py", *call, WAYPOST_ADDRESS=address))
        assert said.startswith(f"{address}: StatusCode.UNAVAILABLE: ")
