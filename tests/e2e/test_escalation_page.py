"""What docs/escalation.md shows is what happens."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.e2e.processes import running_server, waypost
from tests.folders import write_folder
from tests.llm_server import Answer, LlmServer
from waypost_server.adapters.route_schema import FleetFile, TaxonomyFile
from waypost_server.commands.review import review
from waypost_server.core.consultation import Result
from waypost_server.core.escalation import Escalation, When


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/escalation.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_example_routes_as_it_says(
    page: str, repo: Path, llm: LlmServer, tmp_path: Path
) -> None:
    taxonomy, fleet = blocks(page, "yaml")
    files = {
        path.relative_to(repo / "routes").as_posix(): path.read_bytes()
        for path in (repo / "routes").rglob("*")
        if path.name in ("exemplars.txt", "negatives.txt")
    }
    files["taxonomy.yaml"] = f"default_route: general_engineering\n{taxonomy}".encode()
    files["fleet.yaml"] = fleet.replace("http://127.0.0.1:11434/v1", llm.openai_url).encode()
    routes = write_folder(tmp_path / "routes", files)
    index = tmp_path / "index"
    built = waypost("build", "--routes", str(routes), "--index", str(index))
    assert built.returncode == 0, built.stderr
    (shown,) = map(json.loads, blocks(page, "json"))
    command = re.search(r"waypost ask \"(.*?)\" --json", page)
    assert command
    llm.always("qwen2.5-coder:7b", Answer(json.dumps({"route": shown["route"]})))
    with running_server(index) as server:
        said = waypost("ask", command[1], "--json", "--address", server.address)
    printed = json.loads(said.stdout)
    assert {name: printed[name] for name in shown} == shown
    assert printed["candidates"][0]["route"] == shown["route"]
    assert printed["confidence"] == printed["candidates"][0]["confidence"] < 0.75
    assert len(llm.calls) == 1


def test_the_defaults_shown_are_the_defaults(page: str) -> None:
    taxonomy, fleet = (yaml.safe_load(block) for block in blocks(page, "yaml"))
    section = TaxonomyFile.model_validate(taxonomy).escalation
    assert section is not None
    default = Escalation(model="small-local")
    for name, value in section:
        wanted = getattr(default, name)
        assert sorted(value) == sorted(wanted) if name == "when" else value == wanted, name
    FleetFile.model_validate(fleet)
    assert all(f"{when}" in page for when in When)


def test_each_result_is_explained(page: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(Result)


def test_the_commands_shown_are_there(page: str) -> None:
    shown = set(re.findall(r"^waypost review (\w+)", page, flags=re.MULTILINE))
    assert shown == set(review.commands)
