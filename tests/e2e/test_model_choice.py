"""Models by policy through real servers: what docs/model_choice.md says happens."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.dispatching import build as build_routes
from tests.e2e.dispatching import routes_folder
from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.switching import routed, router, until
from tests.e2e.topics import build
from tests.folders import write_folder
from tests.llm_server import Answer, LlmServer
from tests.postgres_server import running_postgres
from waypost.v1 import contract_pb2, router_pb2
from waypost_client.dispatch import Dispatcher, NoAnswerError

NO_MODEL = contract_pb2.REASON_NO_ELIGIBLE_MODEL
TOO_LARGE = contract_pb2.REASON_INPUT_TOO_LARGE
EXHAUSTED = contract_pb2.REASON_BUDGET_EXHAUSTED
TEXT = "my laptop shows no picture"


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/model_choice.md").read_text("utf-8")


@pytest.fixture(scope="module")
def index(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the page's example."""
    folder = tmp_path_factory.mktemp("model_choice")
    taxonomy, fleet, route = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    exemplars = "my screen stays black\nmy mouse does not move\nthe printer is jammed\n"
    routes = write_folder(
        folder / "routes",
        {
            "taxonomy.yaml": taxonomy,
            "fleet.yaml": fleet,
            "helpdesk/route.yaml": route,
            "helpdesk/exemplars.txt": exemplars,
            "travel/exemplars.txt": "book a flight\nbook a hotel\nis there a train to Rome\n",
        },
    )
    build(routes, folder / "index")
    return folder / "index"


@pytest.fixture
def server(index: Path) -> Iterator[ServerProcess]:
    with running_server(index) as running:
        yield running


def models(contract: contract_pb2.HandoffContract) -> list[str]:
    return [model.name for model in contract.specialist.models]


def whys(contract: contract_pb2.HandoffContract) -> dict[str, str]:
    return {each.name: each.why for each in contract.specialist.excluded_models}


def ask(server: ServerProcess, **fields: object) -> contract_pb2.HandoffContract:
    return routed(server, TEXT, **fields)


def report(server: ServerProcess, decision_id: str, **attempt: object) -> None:
    made = router_pb2.ModelAttempt(**({"model": "hosted", "succeeded": True} | attempt))  # type: ignore[arg-type]
    with router(server) as stub:
        stub.ReportOutcome(
            router_pb2.ReportOutcomeRequest(
                decision_id=decision_id,
                outcome=router_pb2.SPECIALIST_OUTCOME_ACCEPTED,
                attempts=[made],
            )
        )


def spend(server: ServerProcess, usd: float, **fields: object) -> None:
    """Lets an answer cost so much."""
    report(server, ask(server, **fields).decision_id, cost_usd=usd)


def test_the_pages_table_is_what_happens(server: ServerProcess, page: str) -> None:
    spend(server, 4.999)
    until(lambda: "$0.0010 left" in str(whys(ask(server))))
    asked: list[tuple[str, Mapping[str, object]]] = [
        ("of nobody in particular", {}),
        ("of research", {"tenant": "research"}),
        (
            "of research, `sensitivity: confidential`",
            {"tenant": "research", "metadata": {"sensitivity": "confidential"}},
        ),
        ("of clinic", {"tenant": "clinic"}),
        ("of research, `input_tokens: 20000`", {"tenant": "research", "input_tokens": 20_000}),
    ]
    for name, fields in asked:
        contract = ask(server, **fields)
        left_out = "; ".join(f"{model}: {why}" for model, why in whys(contract).items())
        cells = ["", name, ", ".join(models(contract)), left_out]
        assert " | ".join(cells).strip() in page, " | ".join(cells)
    contract = ask(server, tenant="clinic", input_tokens=40_000)
    assert (models(contract), set(whys(contract))) == ([], {"small", "large", "hosted"})


def test_ask_says_whose_query_it_is_and_how_long_it_will_be(server: ServerProcess) -> None:
    said = "--tenant", "research", "--input-tokens", "20000", "--previous-route", "helpdesk"
    asked = waypost("ask", TEXT, "--address", server.address, "--json", *said)
    contract = json.loads(asked.stdout)
    assert [model["name"] for model in contract["specialist"]["models"]] == ["hosted", "large"]
    confidential = "--tenant", "research", "--metadata", "sensitivity=confidential"
    asked = waypost("ask", TEXT, "--address", server.address, "--json", *confidential)
    contract = json.loads(asked.stdout)
    assert [model["name"] for model in contract["specialist"]["models"]] == ["large", "small"]


def test_a_budget_that_reports_used_up_leaves_what_is_free(server: ServerProcess) -> None:
    contract = ask(server)
    assert models(contract) == ["small", "hosted", "large"]
    assert EXHAUSTED not in contract.reasons
    report(server, contract.decision_id, cost_usd=5.0)
    for tenant in ("", "nobody has heard of"):
        contract = ask(server, tenant=tenant)
        assert models(contract) == ["small", "large"]
        assert (EXHAUSTED in contract.reasons, NO_MODEL in contract.reasons) == (True, False)
        assert contract.rationale.endswith("has not enough left for a paid model.")
    assert models(ask(server, tenant="research")) == ["hosted", "large", "small"]


def test_a_budget_is_settled_by_tokens_where_no_cost_is_reported(server: ServerProcess) -> None:
    report(server, ask(server).decision_id, input_tokens=1_500_000, output_tokens=250_000)
    assert models(ask(server)) == ["small", "large"]  # 3 and 2 dollars


def test_a_sensitive_query_goes_to_local_models_alone(server: ServerProcess) -> None:
    for level, expected in (
        ("public", ["small", "hosted", "large"]),
        (" Confidential", ["small", "large"]),
        ("confidental", ["small", "large"]),
    ):
        assert models(ask(server, metadata={"sensitivity": level})) == expected


def test_too_large_an_input_is_told_to_shrink(server: ServerProcess) -> None:
    contract = ask(server, tenant="clinic", input_tokens=100_000)
    assert models(contract) == []
    assert contract.action == contract_pb2.ACTION_INVOKE
    assert [*contract.reasons][-2:] == [NO_MODEL, TOO_LARGE]
    assert contract.rationale.endswith("summarise or split first.")
    assert whys(contract)["large"].endswith("summarise or split first")


def test_a_budget_and_what_was_spent_of_it_outlive_the_server(index: Path, tmp_path: Path) -> None:
    database = {"WAYPOST_DATABASE": f"sqlite:///{tmp_path}/waypost.db"}
    with running_server(index, **database) as server:
        spend(server, 4.999)
        assert models(ask(server)) == ["small", "large"]
        server.terminate()
        assert server.exit_code() == 0
    with running_server(index, **database) as server:
        assert models(ask(server)) == ["small", "large"]
        spend(server, 0.0, tenant="research")


@pytest.fixture(params=["two processes", "two replicas"])
def fleet(request: pytest.FixtureRequest, index: Path) -> Iterator[Sequence[ServerProcess]]:
    """Servers that share a budget."""
    with ExitStack() as stack:
        if request.param == "two processes":
            yield [stack.enter_context(running_server(index, WAYPOST_PROCESSES="2"))]
        else:
            url = request.getfixturevalue("postgres").new_database()
            yield [
                stack.enter_context(running_server(index, WAYPOST_DATABASE=url)) for _ in range(2)
            ]


def test_processes_share_a_budget_wherever_reports_arrive(fleet: Sequence[ServerProcess]) -> None:
    # Each call has a connection of its own, and so reaches either process.
    ids = [ask(fleet[n % len(fleet)]).decision_id for n in range(10)]
    for n, decision_id in enumerate(ids):
        report(fleet[(n + 1) % len(fleet)], decision_id, cost_usd=0.5)

    def used_up() -> bool:
        return all(models(ask(server)) == ["small", "large"] for server in fleet for _ in range(8))

    until(used_up)


def test_without_the_database_each_goes_on_by_itself_and_says_so(index: Path) -> None:
    with (
        running_postgres() as postgres,
        running_server(index, WAYPOST_DATABASE=postgres.new_database()) as server,
    ):
        spend(server, 1.0)
        postgres.stop()
        until(lambda: "are counted by this process alone" in server.log_text())
        assert models(ask(server)) == ["small", "hosted", "large"]
        spend(server, 3.999)
        assert models(ask(server)) == ["small", "large"]
        postgres.start()
        until(lambda: "budgets are shared again" in server.log_text())
        assert models(ask(server)) == ["small", "large"]
        assert "Traceback" not in server.log_text()


@pytest.fixture
def dispatched(llm: LlmServer, tmp_path: Path) -> Iterator[ServerProcess]:
    """A router whose models answer; the fallback route has a model of each kind, too."""
    for name in ("local", "hosted", "other-hosted"):
        llm.always(name, Answer(f"{name} says so", output_tokens=500))
    routes = routes_folder(
        tmp_path / "routes",
        llm,
        models={
            "local": "tags: [local], context_window: 4096",
            "hosted": "usd_per_mtok_in: 2.0, usd_per_mtok_out: 8.0",
            "other-hosted": "usd_per_mtok_in: 2.0, usd_per_mtok_out: 8.0",
        },
        specialists={
            "billing": "{models: [hosted, other-hosted]}\nfallback_route: general",
            "cooking": "{models: [hosted, local], max_output_tokens: 1000}",
            "general": "{models: [other-hosted, local]}",
        },
    )
    (routes / "taxonomy.yaml").write_text(
        "default_route: general\n"
        "sensitivity: {metadata: level, levels: {secret: [local]}}\n"
        "tenants: {a: {budget: {usd: 0.02, per: month}}}\n"
    )
    build_routes(routes, tmp_path / "index")
    with running_server(tmp_path / "index") as server:
        yield server


async def test_the_dispatcher_calls_no_model_that_a_contract_excludes(
    dispatched: ServerProcess, llm: LlmServer
) -> None:
    secret = {"level": "secret"}
    async with Dispatcher(dispatched.address) as dispatcher:
        answer = await dispatcher.answer("how long does a roast chicken take", metadata=secret)
        assert (answer.route, answer.model) == ("cooking", "local")
        text = "please send the refund to my credit card"
        answer = await dispatcher.answer(text, metadata=secret)
        assert (answer.route, answer.model) == ("general", "local")
        assert {each.model for each in answer.attempts} == {"local"}
        with pytest.raises(NoAnswerError) as caught:
            await dispatcher.answer(f"{text} " * 400, metadata=secret)
    assert "hosted: it lacks the tag 'local'" in str(caught.value)
    assert "summarise or split first" in str(caught.value)
    assert {call.model for call in llm.calls} == {"local"}


async def test_what_the_dispatcher_reports_uses_the_budget_up(dispatched: ServerProcess) -> None:
    async with Dispatcher(dispatched.address) as dispatcher:
        seen = []
        for _ in range(60):
            answer = await dispatcher.answer("how long does a roast chicken take", tenant="a")
            seen.append(answer.model)
            await asyncio.sleep(0.01)
            if answer.model == "local":
                break
    assert seen[0] == "hosted"
    assert seen[-1] == "local"
