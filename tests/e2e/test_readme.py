"""What README shows is what happens."""

import contextlib
import io
import json
import re
from pathlib import Path

from tests.e2e.processes import ServerProcess, waypost
from waypost.v1 import contract_pb2
from waypost_server.settings import settings_table


def block(readme: Path, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", readme.read_text("utf-8"), flags=re.DOTALL)
    assert found, language
    return found[1]


def test_the_python_example_runs(repo: Path, server: ServerProcess) -> None:
    code = block(repo / "README.md", "python")
    assert "127.0.0.1:50051" in code
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code.replace("127.0.0.1:50051", server.address), {})  # noqa: S102
    assert said.getvalue().startswith("architecture 0.")


def test_the_contract_shown_is_what_the_command_shown_prints(
    repo: Path, server: ServerProcess
) -> None:
    shown = json.loads(block(repo / "README.md", "json"))
    query = re.search(r"waypost ask \"(.*?)\" --json", (repo / "README.md").read_text("utf-8"))
    assert query
    printed = json.loads(waypost("ask", query[1], "--json", "--address", server.address).stdout)
    assert (
        shown.keys()
        <= printed.keys()
        == set(contract_pb2.HandoffContract.DESCRIPTOR.fields_by_name)
    )
    for name in ("outcome", "action", "reasons", "route", "fallback_route", "calibration"):
        assert shown[name] == printed[name], name


def test_the_settings_are_the_generated_ones(repo: Path) -> None:
    text = (repo / "docs/settings.md").read_text("utf-8")
    shown = text.split("<!-- settings:begin (waypost config show --markdown) -->\n")[1]
    assert shown.split("\n<!-- settings:end -->")[0] == settings_table()


def test_the_commands_shown_are_the_commands_there_are(repo: Path) -> None:
    shown = set(re.findall(r"^\| `waypost (\w+)", (repo / "README.md").read_text("utf-8"), re.M))
    listed = waypost("--help").stdout.split("Commands:\n")[1]
    assert shown == {line.split()[0] for line in listed.splitlines() if line.startswith("  ")}


def test_every_link_leads_to_a_file(repo: Path) -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (repo / name).read_text("utf-8")):
            assert (repo / target).exists(), f"{name}: {target}"
