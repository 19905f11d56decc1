"""The keywords of JSON Schema, each in time that is bounded, whatever the answer."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from waypost_client.dispatch._output._regex import text_regex
from waypost_client.dispatch._output._text import well_formed

Value = Any
"""What JSON can say."""
Library = Any
"""What the library has no public type for."""
_Keyword = Callable[[Library, Value, Value, Value], Iterable[Library] | None]

MAX_STEPS = 50_000
"""Keywords that are applied to one answer, at 7 to 20 us each: the event loop waits 1 s at most.

It is enough for 5,000 objects of three members.
"""
_CHARACTERS_A_STEP = 64
"""How much JSON is written in the time of a step."""
_PAIRS_A_STEP = 512
"""How many items are compared in the time of a step."""


class TooLongError(Exception):
    """An answer needs more steps than there are."""


class _Steps:
    """The steps that are left for one answer."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def take(self, steps: int) -> None:
        """Raises TooLongError when fewer are left."""
        self._left -= steps
        if self._left < 0:
            raise TooLongError


_STEPS: ContextVar[_Steps] = ContextVar("_STEPS")


def first_error(validator: Library, value: Value) -> Library:
    """The first thing in a value that breaks the schema; None when it fits.

    Raises:
        TooLongError: it needs more than MAX_STEPS.
        RecursionError: it is nested too deeply.
        OverflowError: a number in it is too large for a keyword.
    """
    token = _STEPS.set(_Steps())
    try:
        return next(validator.iter_errors(_terse(value)), None)
    finally:
        _STEPS.reset(token)


@lru_cache(maxsize=1)
def validator_class() -> Library:
    """Draft 2020-12 with RE2 for all regular expressions."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    for name in ("unevaluatedItems", "unevaluatedProperties"):
        keywords[name] = _quadratic(keywords[name])
    counted = {name: _counted(keyword) for name, keyword in keywords.items()}
    return extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]  # its stubs leave it so


class _TerseList(list[Value]):
    # The library quotes a value in every complaint, one of each level around it too.
    def __repr__(self) -> str:
        return "[...]"


class _TerseDict(dict[str, Value]):
    def __repr__(self) -> str:
        return "{...}"


def _terse(value: Value) -> Value:
    if isinstance(value, list):
        return _TerseList(map(_terse, value))
    if isinstance(value, dict):
        return _TerseDict((name, _terse(each)) for name, each in value.items())
    return value


def _counted(keyword: _Keyword) -> _Keyword:
    def counted(
        validator: Library, wanted: Value, instance: Value, schema: Value
    ) -> Iterable[Library] | None:
        _STEPS.get().take(1)
        return keyword(validator, wanted, instance, schema)

    return counted


def _quadratic(keyword: _Keyword) -> _Keyword:
    def charged(
        validator: Library, wanted: Value, instance: Value, schema: Value
    ) -> Iterable[Library] | None:
        # The library looks every item up in a list of the items that it has seen.
        if isinstance(instance, list | dict):
            _STEPS.get().take(len(instance) ** 2 // _PAIRS_A_STEP)
        return keyword(validator, wanted, instance, schema)

    return charged


def _found(pattern: str, text: str) -> bool:
    _STEPS.get().take(1)
    return text_regex(pattern).search(well_formed(text)) is not None


def _pattern(validator: Library, pattern: str, instance: Value, _: Value) -> Iterator[Library]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: Library, patterns: Mapping[str, Value], instance: Value, _: Value
) -> Iterator[Library]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in patterns.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Library, additional: Value, instance: Value, schema: Mapping[str, Value]
) -> Iterator[Library]:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name not in known and not any(_found(pattern, name) for pattern in patterns):
            yield from validator.descend(value, additional, path=name)


def _unique_items(validator: Library, wanted: bool, instance: Value, _: Value) -> Iterator[Library]:
    from jsonschema import ValidationError

    if not wanted or not validator.is_type(instance, "array"):
        return
    seen: set[str] = set()
    for item in instance:
        # As text, because numbers can be chosen so that their hashes are all the same.
        written = json.dumps(_canonical(item), sort_keys=True)
        _STEPS.get().take(len(written) // _CHARACTERS_A_STEP)
        if written in seen:
            yield ValidationError("has an item twice")
            return
        seen.add(written)


def _canonical(value: Value) -> Value:
    """The value with a whole number's shortest spelling: 1.0 is 1 in JSON, and true is not."""
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, dict):
        return {name: _canonical(each) for name, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
