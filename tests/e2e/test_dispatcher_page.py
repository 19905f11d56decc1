"""What docs/dispatcher.md and README show of the dispatcher is what happens."""

import asyncio
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.dispatching import DEFAULT, build, routes_folder
from tests.e2e.processes import ServerProcess, running_server
from tests.llm_server import Answer, LlmServer
from waypost_client.dispatch._failures import CONSEQUENCES, FailureKind
from waypost_server.adapters.route_schema import FleetFile, RouteFile

K = FailureKind
ROWS = {
    "rate limited": [K.RATE_LIMITED],
    "connection refused, no connection in time": [K.UNREACHABLE],
    "5xx, stream cut, malformed answer": [K.SERVER_ERROR, K.CUT, K.MALFORMED],
    "timeout": [K.TIMEOUT],
    "content filter": [K.CONTENT_FILTER],
    "context overflow, other 4xx, a redirect to another host or port": [
        K.CONTEXT_OVERFLOW,
        K.BAD_REQUEST,
    ],
    "key refused (one that is missing is no call)": [K.NOT_AUTHORISED],
    "check failed, blocked by the guard": [K.FAILED_CHECK, K.BLOCKED_BY_GUARD],
}


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/dispatcher.md").read_text("utf-8")


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("page")
    with LlmServer() as llm:
        llm.always("small-local", Answer("a model says so"))
        specialist = "{models: [small-local]}"
        routes = routes_folder(
            folder / "routes",
            llm,
            models={"small-local": ""},
            specialists=dict.fromkeys(("billing", "cooking", "travel", DEFAULT), specialist),
        )
        build(routes, folder / "index")
        with running_server(folder / "index") as server:
            yield server


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(code: str, router: ServerProcess) -> tuple[str, dict[str, object]]:
    """What the code prints, and its names."""
    assert "127.0.0.1:50051" in code
    names: dict[str, object] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code.replace("127.0.0.1:50051", router.address), names)  # noqa: S102
    return said.getvalue(), names


async def test_the_first_example_prints_answers(page: str, router: ServerProcess) -> None:
    said, _ = await asyncio.to_thread(run, blocks(page, "python")[0], router)
    assert said.endswith(" small-local a model says so\na model says so0.0\n")


def test_the_conversation_goes_on(page: str, router: ServerProcess) -> None:
    said, _ = run(blocks(page, "python")[1], router)
    assert said == "4 True\n"


async def test_the_example_with_a_function_answers(page: str, router: ServerProcess) -> None:
    _, names = await asyncio.to_thread(run, blocks(page, "python")[2], router)
    answer_and_ask = names["answer_and_ask"]
    assert callable(answer_and_ask)
    await answer_and_ask("please send the refund to my credit card")


def test_the_readmes_example_prints_an_answer(repo: Path, router: ServerProcess) -> None:
    examples = blocks((repo / "README.md").read_text("utf-8"), "python")
    [code] = [each for each in examples if "SyncDispatcher" in each]
    said, _ = run(code, router)
    assert re.fullmatch(
        r"\w+ small-local a model says so\nsmall-local answered \d\.\d s\n", said
    ), said


def test_the_policies_shown_are_such_as_a_folder_may_have(page: str) -> None:
    of_route, of_fleet = map(yaml.safe_load, blocks(page, "yaml"))
    RouteFile.model_validate(of_route)
    FleetFile.model_validate(of_fleet)


def test_the_table_of_failures_says_what_the_dispatcher_does(page: str) -> None:
    rows = {
        cells[0]: [cell.startswith("yes") for cell in cells[1:]]
        for line in page.split("## When things fail")[1].split("## ")[0].splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 5
    }
    assert {*ROWS} < {*rows}
    for title, kinds in ROWS.items():
        for kind in kinds:
            follows = CONSEQUENCES[kind]
            assert rows[title] == [follows.retry, True, follows.counts, not follows.began], kind
