"""Schemas that models are held to."""

import json
from typing import Any

from waypost_client.dispatch._providers._provider import ESCALATE, ModelRequest

ESCALATE_DESCRIPTION = (
    f"Call {ESCALATE} instead of answering when the request is not yours to answer."
)
ESCALATE_PARAMETERS: dict[str, object] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}},
    "required": ["reason"],
    "additionalProperties": False,
}


def wanted_schema(request: ModelRequest) -> dict[str, object] | None:
    """The JSON Schema that the provider is to enforce; None where there is none or it cannot."""
    if not request.json_schema or "json_schema" not in request.model.features:
        return None
    document = json.loads(request.json_schema)
    # `true` and `false` are schemas too, which no provider takes.
    return document if isinstance(document, dict) else None


def offers_escalation(request: ModelRequest) -> bool:
    """Whether the model is given the tool ESCALATE."""
    return request.may_escalate and "tools" in request.model.features


def is_closed(schema: Any) -> bool:  # noqa: ANN401 (any JSON)
    """Whether all objects name all their properties, which OpenAI's strict mode insists on."""
    if isinstance(schema, list):
        return all(map(is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        optional = set(schema.get("properties", {})) - set(schema.get("required", []))
        if optional or schema.get("additionalProperties") is not False:
            return False
    return all(map(is_closed, schema.values()))
