"""The TypeScript example asks a running server; needs Node.js, and once npm's registry."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, environment
from waypost_client import Client

NODE_MAJOR = 20
SECONDS = 300
UNREACHABLE = {
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
}
"""npm's words for a registry that it cannot reach."""


def run(folder: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def npm_or_skip(folder: Path, *arguments: str) -> None:
    """Installs packages; skips where the registry cannot be reached, fails otherwise."""
    ended = run(folder, "npm", "ci", *arguments)
    code = re.search(r"^npm (?:error|ERR!) code (\w+)", ended.stderr, re.MULTILINE)
    if code and code[1] in UNREACHABLE:
        pytest.skip(f"npm does not reach its registry: {code[1]}")
    assert ended.returncode == 0, ended.stderr


def node_or_skip() -> None:
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            pytest.skip(f"the TypeScript example needs {tool}, which is not installed")
    version = run(Path.cwd(), "node", "--version").stdout
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR:
        pytest.skip(f"the TypeScript example needs Node.js {NODE_MAJOR}, and this is {version}")


@pytest.fixture(scope="module")
def example(repo: Path) -> Path:
    """The example, built in a folder whose packages outlive the tests."""
    node_or_skip()
    # As far from the root as the example, whose script names ../../../proto.
    built = repo / ".cache/examples/typescript"
    shutil.copytree(
        repo / "docs/examples/typescript",
        built,
        ignore=shutil.ignore_patterns("node_modules", "stubs", "build"),
        dirs_exist_ok=True,
    )
    wanted = (built / "package-lock.json").read_bytes()
    installed = built / "node_modules/.installed"
    if not installed.exists() or installed.read_bytes() != wanted:
        npm_or_skip(built)
        installed.write_bytes(wanted)
    made = run(built, "npm", "run", "build")
    assert made.returncode == 0, made.stdout + made.stderr
    return built


def start(example: Path, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("npm", "start", "--silent", "--", *arguments)
    return run(example, *command, WAYPOST_ADDRESS=address)


def test_it_prints_what_the_python_client_reads(
    example: Path, server: ServerProcess, client: Client
) -> None:
    query = "Should the checkout and the inventory be two services?"
    expected = client.route(query)
    ended = start(example, server.address, query)
    assert ended.stderr == ""
    printed = dict(re.split(r":\s+", line, maxsplit=1) for line in ended.stdout.splitlines())
    assert printed == {
        "route": f"architecture ({expected.outcome.name}, {expected.action.name})",
        "confidence": f"{expected.confidence:.2f}",
        "rationale": expected.rationale,
        "models": ", ".join(model.name for model in expected.specialist.models),
    }


def test_it_says_what_the_server_refused(example: Path, server: ServerProcess) -> None:
    ended = start(example, server.address, " ")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{server.address}: InvalidArgument: text ")


def test_it_says_that_no_server_answers(example: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = start(example, address)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{address}: Unavailable: ")
    assert ended.stderr.endswith("start a server with: make serve\n")


def test_its_lock_names_hashes_and_no_registry(repo: Path) -> None:
    text = (repo / "docs/examples/typescript/package-lock.json").read_text("utf-8")
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "://" not in text
