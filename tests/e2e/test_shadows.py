"""Policies and shadows from the files of a routes folder to a caller."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from jsonschema import Draft202012Validator

from tests.e2e.test_few_routes import BILLING, SHIPPING, serving
from waypost.v1 import contract_pb2, router_pb2
from waypost_client import Client

MONOLITH = "Beantworte alles: Rechnungen und Pakete.\n"
FILES = {
    "billing/exemplars.txt": BILLING,
    "billing/route.yaml": "specialist: {models: [small], guard: {secrets: redact}}\n",
    "billing/specialist.md": "You answer questions about bills.\n",
    "shipping/exemplars.txt": SHIPPING,
    "fleet.yaml": "models:\n"
    "  small: {provider: openai, model: s}\n"
    "  large: {provider: openai, model: l}\n"
    "shadows:\n"
    "  monolith: {share: 0.1, routes: [billing], models: [large], prompt: monolith.md}\n",
    "monolith.md": MONOLITH,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("shadows")
    with serving(folder, FILES) as connected:
        yield connected


def ask(client: Client, **fields: str) -> router_pb2.GetSpecialistResponse:
    response = client.router.GetSpecialist(router_pb2.GetSpecialistRequest(**fields), timeout=20)
    assert isinstance(response, router_pb2.GetSpecialistResponse)
    return response


def test_a_contract_carries_what_runs_beside_its_route(client: Client) -> None:
    query = router_pb2.RouteQueryRequest(text="my card was charged twice")
    contract = client.router.RouteQuery(query, timeout=20).contract
    specialist = contract.specialist
    assert contract.route == "billing"
    assert specialist.policy.guard.secrets == contract_pb2.GUARD_ACTION_REDACT
    assert list(specialist.shadows) == [
        contract_pb2.ShadowCandidate(
            name="monolith",
            share=0.1,
            models=["large"],
            prompt_sha256=hashlib.sha256(MONOLITH.encode()).hexdigest(),
        )
    ]
    assert [model.name for model in specialist.models] == ["small"]
    assert [model.name for model in specialist.helper_models] == ["large"]
    assert specialist == ask(client, route="billing").specialist
    validator = Draft202012Validator(json.loads(client.contract_schema()))
    validator.validate(json.loads(client.route("my card was charged twice").to_json()))


def test_a_shadows_prompt_is_fetched_once_by_its_hash(client: Client) -> None:
    (shadow,) = ask(client, route="billing").specialist.shadows
    full = ask(client, route="billing", shadow="monolith")
    assert full.prompt == MONOLITH
    assert full.specialist.prompt_sha256 == shadow.prompt_sha256
    held = ask(client, route="billing", shadow="monolith", known_prompt_sha256=shadow.prompt_sha256)
    assert held.prompt == ""
    assert ask(client, route="billing").prompt == FILES["billing/specialist.md"]


@pytest.mark.parametrize(
    ("route", "shadow", "known"),
    [("billing", "other", "monolith"), ("shipping", "monolith", "none")],
)
def test_an_unknown_shadow_is_not_found(
    client: Client, route: str, shadow: str, known: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ask(client, route=route, shadow=shadow)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == (
        f"no shadow of route '{route}' is called '{shadow}'; it has {known}"
    )
