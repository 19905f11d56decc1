"""GetContractSchema fits the contracts that the same server sends."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.e2e.test_route_query import QUERIES
from waypost_client import Client


@pytest.fixture(scope="module")
def validator(client: Client) -> Draft202012Validator:
    schema = json.loads(client.contract_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def contract(client: Client) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(client.route(QUERIES[0]).to_json())
    return parsed


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("text", QUERIES)
def test_real_contracts_fit(
    client: Client, validator: Draft202012Validator, text: str, explain: bool
) -> None:
    validator.validate(json.loads(client.route(text, explain=explain).to_json()))


def test_route_is_one_of_the_loaded_routes(client: Client, validator: Draft202012Validator) -> None:
    schema: Any = validator.schema
    assert schema["properties"]["route"]["enum"] == [route.name for route in client.routes().routes]


@pytest.mark.parametrize(
    "change",
    [
        {"route": "poetry"},
        {"outcome": "MATCHED"},
        {"action": "ACTION_DANCE"},
        {"reasons": "REASON_ABOVE_THRESHOLD"},
        {"confidence": "high"},
        {"confidance": 0.5},
        {"timings": {"total_us": 12}},
    ],
    ids=str,
)
def test_what_is_no_contract_is_refused(
    validator: Draft202012Validator, contract: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        validator.validate(contract | change)


@pytest.mark.parametrize("name", ["decision_id", "outcome", "action", "reasons", "route"])
def test_what_a_client_acts_on_is_required(
    validator: Draft202012Validator, contract: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
        validator.validate({key: value for key, value in contract.items() if key != name})


def test_json_has_the_names_that_teams_already_know(contract: dict[str, Any]) -> None:
    assert {"route", "confidence", "extracted_params", "fallback_route", "rationale"} <= set(
        contract
    )
    assert contract["extracted_params"] == {}
