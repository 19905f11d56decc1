"""The dispatcher between a real router and models of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import ServerProcess, running_server
from tests.llm_server import Answer, Escalates, Fails, LlmServer
from waypost_client import AsyncAdminClient, AsyncClient, Client, Outcome
from waypost_client.dispatch import Dispatcher, Ended, SyncDispatcher

MODELS = {
    "cheap": "usd_per_mtok_in: 1, usd_per_mtok_out: 1, retries: 0, "
    "breaker: {failures: 3, open_seconds: 1}",
    "strong": "usd_per_mtok_in: 9, usd_per_mtok_out: 9",
    "generalist": "retries: 0",
}
SPECIALISTS = {
    "billing": "{models: [cheap, strong]}",
    "cooking": "{models: [strong, cheap], pattern: cascade, checks: {regex: '^[0-9]+ minutes$'}}",
    "travel": "{models: [strong]}",
    DEFAULT: "{models: [generalist]}",
}


@pytest.fixture(scope="module")
def models() -> Iterator[LlmServer]:
    with LlmServer() as llm:
        yield llm


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory, models: LlmServer) -> Path:
    folder = tmp_path_factory.mktemp("dispatch") / "routes"
    return routes_folder(folder, models, models=MODELS, specialists=SPECIALISTS)


@pytest.fixture(scope="module")
def router(routes: Path) -> Iterator[ServerProcess]:
    index = routes.parent / "index"
    build(routes, index)
    with running_server(index, WAYPOST_WATCH="true") as server:
        yield server


@pytest.fixture
def llm(models: LlmServer) -> LlmServer:
    for name in MODELS:
        models.always(name, Answer(f"{name} says so"))
    models.calls.clear()
    return models


async def test_each_query_is_answered_by_its_specialist(
    router: ServerProcess, llm: LlmServer
) -> None:
    llm.always("cheap", Answer("45 minutes"))
    async with Dispatcher(router.address) as dispatcher:
        answers = {name: await dispatcher.answer(query) for name, query in QUERIES.items()}
        general = await dispatcher.answer("zxqv 12 blorp")
    assert {name: answer.route for name, answer in answers.items()} == {n: n for n in QUERIES}
    assert [answer.model for answer in answers.values()] == ["cheap", "cheap", "strong"]
    assert general.contract.outcome is not Outcome.MATCHED
    assert (general.route, general.model) == (DEFAULT, "generalist")
    systems = [call.body["messages"][0]["content"] for call in llm.calls]
    assert systems == [f"You are {route}.\n" for route in (*QUERIES, DEFAULT)]


async def test_the_router_stops_naming_a_model_whose_breaker_is_open(
    router: ServerProcess, llm: LlmServer
) -> None:
    llm.always("cheap", Fails(500))
    async with (
        Dispatcher(router.address) as dispatcher,
        AsyncClient(router.address) as elsewhere,
        AsyncAdminClient(router.admin_address) as admin,
    ):
        for _ in range(3):
            assert (await dispatcher.answer(QUERIES["billing"])).model == "strong"
        await llm.until(lambda: dispatcher.counts.reports_sent == 3)
        ref = (await elsewhere.route(QUERIES["billing"])).specialist
        assert [model.name for model in ref.models] == ["strong"]
        [excluded] = ref.excluded_models
        assert excluded.name == "cheap"
        assert "circuit breaker" in excluded.why
        status = await admin.status()
        [cheap] = [model for model in status.models if model.name == "cheap"]
        assert cheap.left_out
        llm.always("cheap", Answer("well again"))

        async def named_again() -> bool:
            found = (await elsewhere.route(QUERIES["billing"])).specialist
            return "cheap" in [model.name for model in found.models]

        while not await named_again():  # its breaker is open for a second
            pass
        assert (await dispatcher.answer(QUERIES["billing"])).model == "cheap"


async def test_a_rejection_is_rerouted_by_the_real_router(
    router: ServerProcess, llm: LlmServer
) -> None:
    llm.always("strong", Escalates("not about travel", as_text=True))
    async with (
        Dispatcher(router.address) as dispatcher,
        AsyncAdminClient(router.admin_address) as admin,
    ):
        before = await admin.status()
        answer = await dispatcher.answer(QUERIES["travel"])
        await llm.until(lambda: dispatcher.counts.reports_sent == 2)
        after = await admin.status()
    assert answer.ended is Ended.ANSWERED
    assert answer.route != "travel"
    assert answer.contracts[0].route == "travel"
    rejected = {each.route: each.rejected for each in before.route_outcomes}
    now = {each.route: each.rejected for each in after.route_outcomes}
    assert now["travel"] == rejected.get("travel", 0) + 1


def test_from_threads_too(router: ServerProcess, llm: LlmServer) -> None:
    llm.always("strong", Answer("a hotel, of course"))
    with SyncDispatcher(router.address) as dispatcher:
        assert dispatcher.answer(QUERIES["travel"]).text == "a hotel, of course"
        with dispatcher.stream(QUERIES["travel"]) as pieces:
            assert list(pieces) == ["a ", "hotel, ", "of ", "course"]
        assert pieces.answer.route == "travel"
        assert dispatcher.counts.answers == 2


async def test_a_policy_changes_while_both_sides_run(
    routes: Path, router: ServerProcess, llm: LlmServer
) -> None:
    llm.always("cheap", Answer("cheap and cheerful"))
    llm.always("strong", Answer("strong and sure"))
    file = routes / "travel" / "route.yaml"
    written = file.read_text()
    async with Dispatcher(router.address) as dispatcher:
        assert (await dispatcher.answer(QUERIES["travel"])).model == "strong"
        try:
            file.write_text(
                "specialist: {models: [strong, cheap], pattern: cascade, checks: {regex: cheap}}\n"
            )
            build(routes, routes.parent / "index")
            with Client(router.address) as client:
                while client.route(QUERIES["travel"]).index_version == router.index_version:
                    pass
            answer = await dispatcher.answer(QUERIES["travel"])
        finally:
            file.write_text(written)
    assert (answer.model, answer.text) == ("cheap", "cheap and cheerful")


async def test_a_model_that_can_reason_is_told_the_routes_effort(
    tmp_path: Path, llm: LlmServer
) -> None:
    thinker = f"provider: anthropic, base_url: '{llm.anthropic_url}', model: thinker"
    able, unable = f"{{{thinker}, features: [reasoning]}}", f"{{{thinker}}}"
    specialists = {"billing": "{models: [unable]}", "travel": "{models: [able]}"}
    folder = routes_folder(tmp_path / "routes", llm, models={}, specialists=specialists)
    (folder / "fleet.yaml").write_text(f"models:\n  able: {able}\n  unable: {unable}\n", "utf-8")
    for route in specialists:
        with (folder / route / "route.yaml").open("a", encoding="utf-8") as file:
            file.write("hints: {reasoning_effort: high}\n")
    build(folder, tmp_path / "index")
    with running_server(tmp_path / "index") as server:
        async with Dispatcher(server.address) as dispatcher:
            for route in specialists:
                assert (await dispatcher.answer(QUERIES[route])).route == route
    assert [call.body.get("output_config") for call in llm.calls] == [None, {"effort": "high"}]
