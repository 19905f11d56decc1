"""An answer against a JSON Schema (draft 2020-12) that refers to nothing outside itself."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from waypost_client.dispatch._output._regex import RegexError, text_regex
from waypost_client.dispatch._output._text import well_formed

_Value = Any
"""What JSON can say."""
_Library = Any
"""What the library has no public type for."""
_LONGEST_WORDS = 200
"""Characters of another's message that one sentence quotes."""


class SchemaError(ValueError):
    """A document is no JSON Schema that can be checked."""


class JsonSchema:
    """A schema, compiled.

    Args:
        document: the schema as JSON.

    Raises:
        SchemaError: it is not JSON or no schema, refers to another document, or has a regular
            expression that RE2 does not know.
    """

    def __init__(self, document: str) -> None:
        schema = _loaded_schema(document)
        self._validator = _validator_class()(schema, registry=_no_registry())

    def problem(self, text: str) -> str | None:
        """Why a text is no JSON that fits, in a sentence without its words; None when it fits."""
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
            error = next(self._validator.iter_errors(value), None)
        except ValueError:
            return "The answer is not JSON."
        except RecursionError:
            return "The answer is nested too deeply."
        if error is None:
            return None
        # The path in the schema, not in the answer: the names in it are the policy's own.
        path = "/".join(str(step) for step in error.absolute_schema_path)[:_LONGEST_WORDS]
        return f"The answer does not fit the JSON Schema: it breaks {path or error.validator}."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _loaded_schema(document: str) -> _Value:
    from jsonschema import FormatChecker
    from jsonschema import SchemaError as InvalidSchema

    try:
        schema = json.loads(document, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"it is not JSON ({str(error)[:_LONGEST_WORDS]})") from None
    try:
        # Without formats: they would hold regular expressions to Python's syntax, not to RE2's.
        _validator_class().check_schema(schema, format_checker=FormatChecker(formats=()))
    except InvalidSchema as error:
        raise SchemaError(f"it is no schema: {error.message[:_LONGEST_WORDS]}") from None
    _check_subschemas(schema)
    return schema


def _check_subschemas(schema: _Value) -> None:
    keywords: set[str] = set()
    for part in _subschemas(schema):
        keywords.update(part)
        patterns = [*part.get("patternProperties", ())]
        patterns += [part["pattern"]] if "pattern" in part else []
        for pattern in patterns:
            try:
                text_regex(pattern)
            except RegexError:
                raise SchemaError(
                    f"RE2 does not know the expression {pattern[:_LONGEST_WORDS]!r}"
                ) from None
    if {"unevaluatedProperties", "patternProperties"} <= keywords:
        # The library looks for what is unevaluated by a matcher that a text can hang.
        raise SchemaError("patternProperties and unevaluatedProperties do not go together here")


def _subschemas(schema: _Value) -> Iterator[Mapping[str, _Value]]:
    """Every schema in a schema and behind its references."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = DRAFT202012.create_resource(schema)
    waiting = [(root, _no_registry().resolver_with_root(root))]
    seen: set[int] = set()
    while waiting:
        resource, resolver = waiting.pop()
        part = resource.contents
        if id(part) in seen or not isinstance(part, Mapping):
            continue
        seen.add(id(part))
        yield part
        waiting += [(each, resolver.in_subresource(each)) for each in resource.subresources()]
        for reference in (part[key] for key in ("$ref", "$dynamicRef") if key in part):
            try:
                found = resolver.lookup(reference)
            except Unresolvable:
                raise SchemaError(
                    f"the reference {reference[:_LONGEST_WORDS]!r} leads out of the document"
                ) from None
            waiting.append((DRAFT202012.create_resource(found.contents), found.resolver))


def _no_registry() -> _Library:
    """A registry that knows no document and retrieves none."""
    from referencing import Registry

    return Registry()


@lru_cache(maxsize=1)
def _validator_class() -> _Library:
    """Draft 2020-12 with RE2 for all regular expressions."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    return extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
        },
    )


def _found(pattern: str, text: str) -> bool:
    return text_regex(pattern).search(well_formed(text)) is not None


def _pattern(validator: _Library, pattern: str, instance: _Value, _: _Value) -> Iterator[_Library]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: _Library, patterns: Mapping[str, _Value], instance: _Value, _: _Value
) -> Iterator[_Library]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in patterns.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: _Library, additional: _Value, instance: _Value, schema: Mapping[str, _Value]
) -> Iterator[_Library]:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name not in known and not any(_found(pattern, name) for pattern in patterns):
            yield from validator.descend(value, additional, path=name)
