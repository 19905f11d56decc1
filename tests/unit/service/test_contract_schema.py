"""The schema fits contracts that use every field there is, also those that nothing fills yet."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from jsonschema import Draft202012Validator

from waypost.v1 import contract_pb2
from waypost_server.service.contract_schema import contract_schema

VALUES: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: "debugging",
    FieldDescriptor.TYPE_DOUBLE: 0.25,
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_UINT32: 2**32 - 1,
    FieldDescriptor.TYPE_UINT64: 2**64 - 1,
    FieldDescriptor.TYPE_INT64: -(2**63),
    FieldDescriptor.TYPE_ENUM: 1,
}


def fill(message: Message) -> None:
    """Sets every field, repeated ones twice."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.name == "Struct":
            getattr(message, field.name).update({"language": "rust", "line": 3})
        elif field.message_type is not None and field.is_repeated:
            fill(getattr(message, field.name).add())
            fill(getattr(message, field.name).add())
        elif field.message_type is not None:
            fill(getattr(message, field.name))
        elif field.is_repeated:
            getattr(message, field.name).extend([VALUES[field.type]] * 2)
        else:
            setattr(message, field.name, VALUES[field.type])


@pytest.fixture
def full() -> contract_pb2.HandoffContract:
    message = contract_pb2.HandoffContract()
    fill(message)
    return message


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(contract_schema(["debugging", "code_review"]))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def as_json(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def test_a_contract_with_every_field_fits(
    full: contract_pb2.HandoffContract, validator: Draft202012Validator
) -> None:
    written = as_json(full)
    assert set(written) == {field.name for field in full.DESCRIPTOR.fields}
    validator.validate(written)


def test_json_that_fits_is_a_contract_again(full: contract_pb2.HandoffContract) -> None:
    assert json_format.ParseDict(as_json(full), contract_pb2.HandoffContract()) == full


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("route",), "poetry"),
        (("plan", 0, "step"), "one"),
        (("plan", 1, "route"), "poetry"),
        (("plan", 1, "depends_on", 0), "first"),
        (("plan", 1, "specialist", "models", 0, "usd_per_mtok_in"), "cheap"),
        (("flags", 0, "kind"), "FLAG_KIND_WORRYING"),
        (("hints", "needs_retrieval"), "yes"),
        (("specialist", "sampling", "seed"), 7),
        (("specialist", "policy", "pattern"), "PATTERN_RACE"),
        (("specialist", "policy", "parallel", "pick"), "first"),
        (("specialist", "policy", "guard", "secrets"), "GUARD_ACTION_HIDE"),
        (("specialist", "policy", "checks", "judge", "min_score"), "high"),
        (("specialist", "shadows", 1, "share"), "most"),
        (("specialist", "helper_models", 0, "breaker", "open_seconds"), 30),
        (("candidates", 0, "nearest_exemplars", 0, "txt"), "a"),
        (("timings", "total_us"), "12 ms"),
    ],
    ids=str,
)
def test_a_wrong_value_anywhere_is_refused_where_it_stands(
    full: contract_pb2.HandoffContract,
    validator: Draft202012Validator,
    path: tuple[str | int, ...],
    wrong: object,
) -> None:
    written = as_json(full)
    inner: Any = written
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = wrong
    (error,) = validator.iter_errors(written)
    assert list(path)[: len(error.absolute_path)] == list(error.absolute_path)
