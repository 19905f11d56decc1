"""Every fenced block of README.md, CONTRIBUTING.md and docs/ is tried, or says here why not."""

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from tests.e2e.examples import Block, Command, blocks_of, commands_of, shown_output
from tests.e2e.processes import ROOT, WAYPOST, ServerProcess, environment, running_server, waypost
from tests.indexing import build_index
from tests.llm_server import Answer, LlmServer
from waypost_client import Client
from waypost_server.adapters.gate_file import read_gate
from waypost_server.adapters.hierarchy_schema import GroupFile
from waypost_server.adapters.review_file import ReviewFile
from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile, WordsFile
from waypost_server.adapters.rules_schema import RulesFile
from waypost_server.core.review import example_of
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.per_route import ROUTE_FIGURES
from waypost_server.settings import Settings

EXEMPT = {
    ("docs/guard.md", "text"): "what test_guard_page.py compares with a server's answers",
    ("docs/observability.md", "console"): "curl and jq; test_metrics.py asks the same of a server",
    ("docs/operations.md", "console"): "jq; test_log_export.py has the lines",
    ("docs/observability.md", "promql"): "test_dashboards.py has promtool read that rule, by job",
    ("docs/observability.md", "text"): "a drawing; test_traces.py compares the spans",
    ("docs/observability.md", "yaml"): "Prometheus' own file, which promtool knows",
    ("docs/routes.md", "text"): "a drawing of a folder",
}
"""By page and language, why nothing runs a block."""

BUILD_SECONDS = 300
"""On a machine that is busy with something else."""

DRAWINGS = "mermaid"
SCHEMAS = (TaxonomyFile, RouteFile, FleetFile, GroupFile, RulesFile, WordsFile)
BLOCKS = blocks_of(ROOT)
QUERIES = ("does this diff look right to you", "is my loop sound", "the loop never ends, why")


def of(*languages: str) -> list[Block]:
    return [
        block
        for block in BLOCKS
        if block.language in languages and (block.page, block.language) not in EXEMPT
    ]


@dataclass(frozen=True)
class Place:
    """A running server with the shipped routes, and where its files are."""

    server: ServerProcess
    settings: dict[str, str]
    names: dict[str, str]
    """What stands for something of this place in a shell's block."""


@pytest.fixture(scope="module")
def place(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("examples")
    routes, index = folder / "routes", folder / "index"
    shutil.copytree(ROOT / "routes", routes)
    shutil.copytree(index_folder, index)
    with LlmServer() as llm:
        fleet = yaml.safe_load((routes / "fleet.yaml").read_text("utf-8"))
        for name, model in fleet["models"].items():
            model |= {"provider": "openai", "base_url": llm.openai_url, "api_key_env": ""}
            llm.always(model["model"], Answer(f"{name} says so"))
        (routes / "fleet.yaml").write_text(yaml.safe_dump(fleet), "utf-8")
        settings = {
            "WAYPOST_ROUTES": str(routes),
            "WAYPOST_INDEX": str(index),
            "WAYPOST_DATABASE": f"sqlite:///{folder}/waypost.db",
            "WAYPOST_LOG_TEXT": "true",
            "WAYPOST_REVIEW_FILE": f"{folder}/review.jsonl",
        }
        build_index(
            Settings.load(
                routes=routes,
                index=index,
                encoder=ROOT / "models/all-MiniLM-L6-v2",
                static_encoder=ROOT / "models/all-MiniLM-L6-v2-static",
            )
        )
        with running_server(index, **settings) as server:
            settings["WAYPOST_ADDRESS"] = server.address
            settings["WAYPOST_ADMIN_ADDRESS"] = server.admin_address
            yield Place(server, settings, names_in(folder, server))


def names_in(folder: Path, server: ServerProcess) -> dict[str, str]:
    with Client(server.address, timeout_s=20) as client:
        decision = client.route("Why does this test hang?", wait_for_log=True).decision_id
    review = ReviewFile(folder / "review.jsonl", max_bytes=1 << 20)
    examples = [
        example_of(
            text,
            route="code_review",
            confidence=0.4,
            encoder_route="debugging",
            model="small-local",
            index_version=server.index_version,
        )
        for text in QUERIES
    ]
    for example in examples:
        review.add(example)
    return {
        "01a20346-90bb-7465-b170-858465de7f3e": decision,
        "3f2a9c01b77d": examples[0].id,
        "5d02e7ab9f31": examples[1].id,
        "9b1d44f0c2ae": examples[2].id,
        "poetry": "docs_lookup",
        "gpt-large": "strong-hosted",
        "decisions.parquet": str(folder / "decisions.parquet"),
        "s3://waypost-bundles/production": f"file://{folder}/shared",
        "/etc/waypost/tokens.toml": str(folder / "tokens.toml"),
    }


def test_every_block_is_tried_or_exempt() -> None:
    tried = {"python", "sh", "yaml", "json", "toml", DRAWINGS}
    left = {
        str(block)
        for i, block in enumerate(BLOCKS)
        if block.language not in tried
        and (block.page, block.language) not in EXEMPT
        and not (block.language == "text" and shown_output(BLOCKS[i - 1], BLOCKS[i:]))
    }
    assert not left
    assert len(BLOCKS) > 40
    gone = EXEMPT.keys() - {(block.page, block.language) for block in BLOCKS}
    assert not gone, "nothing is there to be exempt"


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_runs_and_prints_what_is_shown(block: Block, place: Place) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block.text.replace("127.0.0.1:50051", place.server.address), {})  # noqa: S102
    shown = shown_output(block, BLOCKS[BLOCKS.index(block) + 1 :])
    if shown is not None:
        assert printed.getvalue().splitlines() == shown


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_commands_run(block: Block, place: Place, repo: Path) -> None:
    text = block.text
    for name, own in place.names.items():
        text = text.replace(name, own)
    for command in commands_of(text):
        program, *arguments = command.words
        if program == "make":
            targets = (repo / "Makefile").read_text("utf-8")
            assert all(f"\n{target}:" in targets for target in arguments)
        else:
            assert program.removeprefix(".venv/bin/") == "waypost", command
            run(command, arguments, place)


def run(command: Command, arguments: list[str], place: Place) -> None:
    """Runs a command; of a server only its settings are looked at, and nothing is followed."""
    if arguments[0] == "serve":
        settings = {name: own for name, own in command.settings.items() if "TLS" not in name}
        arguments = ["config", "show"]
    else:
        settings = place.settings | command.settings
    ended = subprocess.run(
        [*WAYPOST, *(one for one in arguments if one != "-f")],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_what_a_file_of_a_routes_folder_may_say(block: Block, tmp_path: Path) -> None:
    value = yaml.safe_load(block.text)
    problems = []
    for schema in SCHEMAS:
        try:
            schema.model_validate(value)
            return
        except ValidationError as error:
            problems.append(str(error))
    path = tmp_path / "gate.yaml"
    path.write_text(block.text, "utf-8")
    assert set(value) <= {*FIGURES, "per_route"}, "\n".join(problems)
    figures = {name: figure.high_is_better for name, figure in FIGURES.items()}
    routes = value.get("per_route", {})
    recalls = dict.fromkeys(ROUTE_FIGURES, True)
    assert read_gate(path, figures=figures, route_figures=recalls, routes=tuple(routes))


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    try:
        found = [json.loads(block.text)]
    except ValueError:
        found = [json.loads(line) for line in block.text.splitlines()]
    assert all(isinstance(one, dict) and one for one in found)


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_toml_is_a_file_of_settings(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "waypost.toml"
    path.write_text(block.text, "utf-8")
    shown = waypost("config", "show", "--origin", WAYPOST_CONFIG=str(path))
    assert shown.returncode == 0, shown.stderr
    assert str(path) in shown.stdout or path.name in shown.stdout


@pytest.mark.parametrize("block", of(DRAWINGS), ids=str)
def test_a_drawing_names_the_kind_that_it_is(block: Block) -> None:
    assert block.text.startswith("flowchart "), block
