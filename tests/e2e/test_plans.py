"""Queries that ask several routes: a real router's plans, and the dispatcher that runs them."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.llm_server import Answer, Fails, LlmServer
from waypost_client import (
    Action,
    AdminClient,
    AsyncAdminClient,
    Client,
    Contract,
    Outcome,
    Reason,
    WaypostError,
)
from waypost_client.dispatch import Dispatcher, Ended, SyncDispatcher
from waypost_server.adapters.route_schema import TaxonomyFile

NAMES = ("billing", "cooking", "travel")
TWO = "tell me about the refund and find me another train ticket"
THREE = "tell me about the refund, find me another train ticket. then is there a good soup today"


@pytest.fixture(scope="module")
def models() -> Iterator[LlmServer]:
    with LlmServer() as llm:
        yield llm


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory, models: LlmServer) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("plans")
    routes = routes_folder(
        folder / "routes",
        models,
        models={name: "retries: 0" for name in (*NAMES, DEFAULT)},
        specialists={name: f"{{models: [{name}]}}" for name in (*NAMES, DEFAULT)},
    )
    with (routes / "taxonomy.yaml").open("a", encoding="utf-8") as file:
        file.write("plans: {max_steps: 3}\n")
    build(routes, folder / "index")
    with running_server(folder / "index") as server:
        yield server


@pytest.fixture
def llm(models: LlmServer) -> LlmServer:
    for name in (*NAMES, DEFAULT):
        models.always(name, Answer(f"{name} says so"))
    models.calls.clear()
    return models


@pytest.fixture
def client(router: ServerProcess) -> Iterator[Client]:
    with Client(router.address) as client:
        yield client


def steps(contract: Contract) -> list[tuple[int, str, str, tuple[int, ...]]]:
    return [(step.step, step.route, step.text, step.depends_on) for step in contract.plan]


def test_a_query_that_asks_several_routes_is_a_plan(client: Client) -> None:
    contract = client.route(THREE)
    assert steps(contract) == [
        (1, "billing", "tell me about the refund", ()),
        (2, "travel", "find me another train ticket", ()),
        (3, "cooking", "is there a good soup today", (1, 2)),
    ]
    assert (contract.outcome, contract.action) == (Outcome.MATCHED, Action.RUN_PLAN)
    assert contract.reasons == (Reason.MULTIPLE_ROUTES,)
    assert contract.route == "billing"
    for step in contract.plan:
        alone = client.route(step.text)  # the first stage's, maybe
        assert step.confidence == pytest.approx(alone.confidence, abs=0.01)
        assert step.specialist == alone.specialist


@pytest.mark.parametrize("text", [*QUERIES.values(), "tell me about the refund and the invoice"])
def test_a_query_that_asks_one_thing_is_none(client: Client, text: str) -> None:
    contract = client.route(text)
    assert not contract.plan
    assert contract.action is not Action.RUN_PLAN


def test_in_a_batch_each_is_planned_as_alone(client: Client) -> None:
    results = client.route_many([TWO, QUERIES["travel"], THREE, TWO])
    assert not any(isinstance(result, WaypostError) for result in results)
    plans = [steps(result) for result in results if isinstance(result, Contract)]
    assert plans == [steps(client.route(TWO)), [], steps(client.route(THREE)), plans[0]]


def test_a_plan_fits_the_schema(client: Client) -> None:
    validator = Draft202012Validator(json.loads(client.contract_schema()))
    validator.validate(json.loads(client.route(THREE).to_json()))


def test_routes_that_may_not_be_chosen_take_no_step(client: Client, router: ServerProcess) -> None:
    restricted = client.route(TWO, allowed_routes=["billing", "cooking"])
    assert not restricted.plan
    assert restricted.route in ("billing", "cooking", DEFAULT)
    assert client.route(TWO, allowed_routes=["billing", "travel"]).plan
    with AdminClient(router.admin_address) as admin:
        admin.set_route_enabled("travel", enabled=False)
        try:
            off = client.route(TWO)
        finally:
            admin.set_route_enabled("travel", enabled=True)
    assert not off.plan
    assert off.route != "travel"
    assert client.route(TWO).plan


def test_a_rejected_plan_is_taken_whole(client: Client) -> None:
    first = client.route(TWO)
    again = client.reroute(TWO, decision_id=first.decision_id, rejected_routes=["billing"])
    assert not again.plan
    assert again.route != "billing"
    assert again.action is not Action.RUN_PLAN


@pytest.mark.parametrize("count", [1, 2, 4])
def test_candidates_are_those_of_the_whole_query(client: Client, count: int) -> None:
    contract = client.route(TWO, max_candidates=count, explain=True)
    assert len(contract.plan) == 2
    assert len(contract.candidates) == count
    assert contract.confidence == contract.candidates[0].confidence


def test_ask_shows_the_plan(router: ServerProcess) -> None:
    asked = waypost("ask", THREE, "--address", router.address)
    assert asked.returncode == 0, asked.stderr
    assert "billing: MATCHED, RUN_PLAN" in asked.stdout
    assert "  step 2     travel: find me another train ticket (confidence " in asked.stdout
    assert "  step 3     cooking, after 1, 2: is there a good soup today" in asked.stdout


async def test_the_dispatcher_runs_it_and_reports_once(
    router: ServerProcess, llm: LlmServer
) -> None:
    async with (
        Dispatcher(router.address) as dispatcher,
        AsyncAdminClient(router.admin_address) as admin,
    ):
        before = {one.route: one.accepted for one in (await admin.status()).route_outcomes}
        answer = await dispatcher.answer(THREE)
        async with dispatcher.stream(THREE) as pieces:
            shown = "".join([piece async for piece in pieces])
        await llm.until(lambda: dispatcher.counts.reports_sent == 2)
        after = {one.route: one.accepted for one in (await admin.status()).route_outcomes}
        assert dispatcher.counts.reports_dropped == 0
    assert answer.text == shown == "billing says so\n\ntravel says so\n\ncooking says so"
    assert [step.route for step in answer.steps] == ["billing", "travel", "cooking"]
    assert [call.body["messages"][0]["content"] for call in llm.calls_of("cooking")] == [
        "You are cooking.\n"
    ] * 2
    words = llm.calls_of("cooking")[0].body["messages"][-1]["content"]
    assert words.startswith("is there a good soup today\n")
    assert "billing says so" in words
    assert "travel says so" in words
    assert after["billing"] - before.get("billing", 0) == 2
    assert sum(after.values()) - sum(before.values()) == 2


def test_a_step_that_fails_is_told(router: ServerProcess, llm: LlmServer) -> None:
    for name in ("travel", DEFAULT):
        llm.always(name, Fails(400))
    with SyncDispatcher(router.address) as dispatcher:
        answer = dispatcher.answer(THREE)
    assert answer.ended is Ended.INCOMPLETE
    assert answer.text == "billing says so"
    assert answer.steps[1].error.startswith("travel: travel: ")
    assert answer.steps[2].error == "not begun, since step 2 failed"


def test_without_plans_in_the_taxonomy_nothing_is_planned(
    tmp_path: Path, models: LlmServer
) -> None:
    routes = routes_folder(tmp_path / "routes", models, models={"travel": ""}, specialists={})
    build(routes, tmp_path / "index")
    with running_server(tmp_path / "index") as server, Client(server.address) as client:
        assert not client.route(THREE).plan


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)


def run(code: str, address: str) -> str:
    """What the code prints."""
    assert "127.0.0.1:50051" in code
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code.replace("127.0.0.1:50051", address), {})  # noqa: S102
    return said.getvalue()


def test_what_the_page_shows_of_the_shipped_routes_is_what_they_do(
    repo: Path, server: ServerProcess
) -> None:
    page = repo / "docs/plans.md"
    [code] = blocks(page, "python")
    [printed] = blocks(page, "text")
    assert run(code, server.address) == printed
    [section] = blocks(page, "yaml")
    assert TaxonomyFile.model_validate(yaml.safe_load(section)).plans


def test_what_the_dispatchers_page_shows_runs(
    repo: Path, router: ServerProcess, llm: LlmServer
) -> None:
    [code] = [b for b in blocks(repo / "docs/dispatcher.md", "python") if "answer.steps" in b]
    assert run(code, router.address) == (
        "1 billing billing billing says so\n2 travel travel travel says so\n"
    )
