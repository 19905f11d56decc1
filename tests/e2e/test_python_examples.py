"""The examples that call a server from Python do what they say, against a real one."""

import json
import subprocess
import sys
from pathlib import Path

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


def test_reflection_shows_the_status_that_a_call_ended_with(
    repo: Path, server: ServerProcess
) -> None:
    ended = run(
        repo / "docs/examples/reflect.py",
        "waypost.v1.RouterService/RouteQuery",
        '{"text": ""}',
        WAYPOST_ADDRESS=server.address,
    )
    assert ended.returncode == 1
    assert "StatusCode.INVALID_ARGUMENT" in ended.stderr
