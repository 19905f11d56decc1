"""What a parameter's JSON Schema says of a value.

Parameters are texts, numbers, booleans and lists of these, so a part of JSON Schema is enough:
`KEYWORDS`. A schema that says more is refused when the routes are read.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from waypost_server.core.extraction.text import Value

Schema = Mapping[str, Any]

TYPES = ("string", "integer", "number", "boolean", "array")

_SAYS_NOTHING = frozenset(
    ("title", "description", "default", "examples", "deprecated", "$comment", "format")
)


class Match(Protocol):
    """Where an expression matched."""

    def group(self, group: int = 0) -> Any:  # noqa: ANN401  (text, or None where it took no part)
        """What a group holds."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Where it starts and ends, in characters."""


class Regex(Protocol):
    """A compiled regular expression that takes time linear in the text."""

    @property
    def groups(self) -> int:
        """How many groups it has."""

    def search(self, text: str) -> Match | None:
        """The first match."""

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches that do not overlap."""


CompileRegex = Callable[[str], Regex]
"""Raises ValueError, saying why, for what is no regular expression."""


def cast(value: Value, schema: Schema) -> object | None:
    """A value that was found as the type that the schema wants; None if it cannot be one.

    Args:
        value: a text or a number.
        schema: the parameter's, or that of a list's items.
    """
    members: Sequence[object] = schema.get("enum", ())
    if isinstance(value, str) and value in members:
        return value
    for member in members:
        if member == value or str(member) == str(value):
            return member
    kind = schema.get("type", "string")
    if kind == "string":
        return value if isinstance(value, str) else f"{value:g}" if _is_number(value) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(str(value).lower())
    return _number(value, whole=kind == "integer")


def _number(value: Value, *, whole: bool) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number) or (whole and not number.is_integer()):
        return None
    return int(number) if whole else number


def fits(value: object, schema: Schema, compile_regex: CompileRegex) -> bool:
    """Whether a value keeps all that the schema says of it."""
    kind = schema.get("type")
    if kind is not None and not _IS[kind](value):
        return False
    return all(
        _CHECKS[keyword](value, wanted, compile_regex)
        for keyword, wanted in schema.items()
        if keyword in _CHECKS
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and float(value).is_integer()


_IS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def _same(one: object, other: object) -> bool:
    """As JSON has it: 1 is 1.0, and not true."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_member(value: object, members: Sequence[object]) -> bool:
    if isinstance(value, str):
        return value in members
    return any(_same(value, member) for member in members)


def _multiple(value: float, of: float) -> bool:
    return (value / of).is_integer() if isinstance(value / of, float) else True


_Check = Callable[[Any, Any, CompileRegex], bool]


def _of(kind: str, check: Callable[[Any, Any], bool]) -> _Check:
    """A check that concerns values of one type alone, as JSON Schema has it."""
    return lambda value, wanted, _: not _IS[kind](value) or check(value, wanted)


def _distinct(values: Sequence[object], wanted: bool) -> bool:
    return not wanted or not any(
        _same(one, other) for i, one in enumerate(values) for other in values[:i]
    )


_CHECKS: dict[str, _Check] = {
    "enum": lambda value, wanted, _: _is_member(value, wanted),
    "const": lambda value, wanted, _: _same(value, wanted),
    "pattern": lambda value, wanted, compile_regex: (
        not isinstance(value, str) or compile_regex(wanted).search(value) is not None
    ),
    "minLength": _of("string", lambda value, wanted: len(value) >= wanted),
    "maxLength": _of("string", lambda value, wanted: len(value) <= wanted),
    "minimum": _of("number", lambda value, wanted: value >= wanted),
    "maximum": _of("number", lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _of("number", lambda value, wanted: value > wanted),
    "exclusiveMaximum": _of("number", lambda value, wanted: value < wanted),
    "multipleOf": _of("number", lambda value, wanted: _multiple(value, wanted)),
    "minItems": _of("array", lambda value, wanted: len(value) >= wanted),
    "maxItems": _of("array", lambda value, wanted: len(value) <= wanted),
    "uniqueItems": _of("array", _distinct),
    "items": lambda value, wanted, compile_regex: (
        not isinstance(value, list) or all(fits(item, wanted, compile_regex) for item in value)
    ),
}

KEYWORDS = frozenset(_CHECKS) | _SAYS_NOTHING | {"type"}
"""What a parameter's schema may say."""
