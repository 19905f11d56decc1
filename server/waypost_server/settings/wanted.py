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
    low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    bounds = [
        f"{words} {_number(bound)}"
        for words, bound in (("of at least", low), ("above", above), ("up to", high))
        if bound is not None
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
