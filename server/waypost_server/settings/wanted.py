"""What a setting takes, in words: those of the library speak of its parser."""

from collections.abc import Mapping
from typing import Any

KINDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
}
"""By JSON Schema's name of a type."""


def wanted(schema: Mapping[str, Any]) -> str:
    """What to write, by the JSON Schema of a setting.

    Args:
        schema: of the setting alone; one that may be empty has its kinds in `anyOf`.
    """
    if allowed := schema.get("enum"):
        *others, last = allowed
        return f"{', '.join(others)} or {last}"
    if any(kind.get("format") == "path" for kind in schema.get("anyOf", (schema,))):
        return "a path"
    kind = KINDS.get(schema.get("type", ""), "another value")
    return f"{kind}{_within(schema)}"


def _within(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high = schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:,g} to {high:,g}"
    if low is not None:
        return f", {low:,g} at least"
    beyond = "" if above is None else f" above {above:,g}"
    return beyond if high is None else f"{beyond}, {high:,g} at most"
