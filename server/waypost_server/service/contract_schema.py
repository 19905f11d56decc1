"""The contract's JSON Schema, read off the protobuf descriptor so that it cannot lag behind."""

import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from waypost import CONTRACT_VERSION
from waypost.v1 import contract_pb2

_INTEGERS_32 = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT32)
_INTEGERS_64 = (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_INT64)
_ANY_OBJECT = "google.protobuf.Struct"


def contract_schema(routes: Sequence[str]) -> str:
    """JSON Schema (draft 2020-12) of a contract as protobuf's JSON with the proto's field names.

    Args:
        routes: the loaded routes; `route` is an enum of them, that of a plan's steps too.
    """
    definitions: dict[str, Any] = {}
    contract = _message(contract_pb2.HandoffContract.DESCRIPTOR, definitions)
    loaded = {"type": "string", "enum": sorted(routes)}
    contract["properties"]["route"] = definitions["PlanStep"]["properties"]["route"] = loaded
    contract["required"] = ["decision_id", "outcome", "action", "reasons", "route"]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Waypost handoff contract {CONTRACT_VERSION}",
        **contract,
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(schema)


def _message(descriptor: Descriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {field.name: _field(field, definitions) for field in descriptor.fields}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _field(field: FieldDescriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    value = _value(field, definitions)
    return {"type": "array", "items": value} if field.is_repeated else value


def _value(field: FieldDescriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    if field.message_type is not None:
        return _reference(field.message_type, definitions)
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    if field.type in _INTEGERS_64:  # protobuf's JSON writes them as strings
        return {"type": "string", "pattern": "^-?[0-9]+$"}
    if field.type in _INTEGERS_32:
        return {"type": "integer"}
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return {"type": "number"}
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    return {"type": "string"}


def _reference(descriptor: Descriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    if descriptor.full_name == _ANY_OBJECT:
        return {"type": "object"}
    if descriptor.name not in definitions:
        definitions[descriptor.name] = None  # so that a message that holds itself ends
        definitions[descriptor.name] = _message(descriptor, definitions)
    return {"$ref": f"#/$defs/{descriptor.name}"}
