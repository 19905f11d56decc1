"""A real router that asks a scripted LLM for parameters that its extractors did not find."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.dispatching import build, routes_folder
from tests.e2e.processes import running_server
from tests.llm_server import Answer, Behaviour, Fails, LlmServer, MalformedJson
from waypost_client import Client, Contract, Reason

TRAVEL = """\
params:
  type: object
  properties:
    city: {type: string, maxLength: 40}
    nights: {type: integer, minimum: 1, maximum: 30}
    email: {type: string}
  required: [city, nights]
extract:
  email: [email]
params_model: small
"""
QUERY = "book a hotel room, my address is ada@example.org"


@pytest.fixture(scope="module")
def llm() -> Iterator[LlmServer]:
    with LlmServer() as server:
        yield server


@pytest.fixture(scope="module")
def address(llm: LlmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("params")
    small = {"small": "features: [json_schema], breaker: {failures: 100}"}
    routes = routes_folder(folder / "routes", llm, models=small, specialists={})
    (routes / "travel/route.yaml").write_text(TRAVEL, "utf-8")
    build(routes, folder / "index")
    with running_server(folder / "index", WAYPOST_PATIENCE_MS="60000") as server:
        yield server.address


@pytest.fixture
def client(address: str, llm: LlmServer) -> Iterator[Client]:
    llm.calls.clear()
    with Client(address, timeout_s=20) as connected:
        yield connected


def asked(client: Client, llm: LlmServer, behaviour: Behaviour) -> Contract:
    llm.always("small", behaviour)
    return client.route(QUERY)


def says(**values: object) -> Answer:
    return Answer(json.dumps(values))


def test_a_model_finds_what_is_missing_and_nothing_else(client: Client, llm: LlmServer) -> None:
    contract = asked(client, llm, says(city="Lyon", nights=3))
    assert contract.extracted_params == {"city": "Lyon", "nights": 3, "email": "ada@example.org"}
    assert contract.missing_params == ()
    assert Reason.MISSING_PARAMS not in contract.reasons
    (call,) = llm.calls
    schema = call.body["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["city", "nights"]
    assert "ada@example.org" not in json.dumps(call.body)  # no model need see it


@pytest.mark.parametrize(
    ("behaviour", "missing"),
    [
        (says(city=None, nights=None), ("city", "nights")),
        (says(city="Lyon", nights=None), ("nights",)),
        (says(city="Lyon", nights=99), ("city", "nights")),
        (says(city="Lyon", nights=3, email="eve@example.org"), ("city", "nights")),
        (says(city=["Lyon"], nights="three"), ("city", "nights")),
        (Answer('"Lyon"'), ("city", "nights")),
        (MalformedJson(), ("city", "nights")),
        (Fails(500), ("city", "nights")),
    ],
    ids=[
        "says that it is not said",
        "says one",
        "too many",
        "unasked",
        "other types",
        "no object",
        "no JSON",
        "fails",
    ],
)
def test_an_answer_that_does_not_fit_counts_for_nothing(
    client: Client, llm: LlmServer, behaviour: Behaviour, missing: tuple[str, ...]
) -> None:
    contract = asked(client, llm, behaviour)
    assert (contract.route, contract.missing_params) == ("travel", missing)
    assert ("city" in contract.extracted_params) == ("city" not in missing)
    assert contract.extracted_params["email"] == "ada@example.org"
    assert Reason.MISSING_PARAMS in contract.reasons
    assert len(llm.calls) == 1


def test_nobody_is_asked_where_nothing_is_missing_or_the_route_asks_nobody(
    client: Client, llm: LlmServer
) -> None:
    llm.always("small", says(city="Lyon", nights=3))
    assert client.route("please send the refund to my credit card").route == "billing"
    assert llm.calls == []
