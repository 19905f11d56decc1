"""An answer against a JSON Schema (draft 2020-12) that refers to nothing outside itself."""

import json
from collections.abc import Iterator

from waypost_client.dispatch._output._keywords import (
    Library,
    TooLongError,
    Value,
    first_error,
    validator_class,
)
from waypost_client.dispatch._output._regex import RegexError, text_regex

MAX_CHARACTERS = 1 << 20
"""The longest answer that is checked: some three times what the longest-winded models write."""
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
        self._validator = validator_class()(schema, registry=_no_registry())

    def problem(self, text: str) -> str | None:
        """Why a text is no JSON that fits, in a sentence without its words; None when it fits."""
        if len(text) > MAX_CHARACTERS:
            return f"The answer is longer than the {MAX_CHARACTERS:,} characters that are checked."
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
            error = first_error(self._validator, value)
        except ValueError:
            return "The answer is not JSON."
        except RecursionError:
            return "The answer is nested too deeply."
        except OverflowError:
            return "The answer has a number that is too large to check."
        except TooLongError:
            return "The answer takes too long to check against the JSON Schema."
        if error is None:
            return None
        # The path in the schema, not in the answer: the names in it are the policy's own.
        path = "/".join(str(step) for step in error.absolute_schema_path)[:_LONGEST_WORDS]
        return f"The answer does not fit the JSON Schema: it breaks {path or error.validator}."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _loaded_schema(document: str) -> Value:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema import SchemaError as InvalidSchema

    try:
        schema = json.loads(document, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"it is not JSON ({str(error)[:_LONGEST_WORDS]})") from None
    try:
        # Without formats: they would hold regular expressions to Python's syntax, not to RE2's.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
        _check_subschemas(schema)
    except InvalidSchema as error:
        raise SchemaError(f"it is no schema: {error.message[:_LONGEST_WORDS]}") from None
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None
    return schema


def _check_subschemas(schema: Value) -> None:
    keywords: set[str] = set()
    for part in _subschemas(schema):
        keywords.update(part)
        # The library takes it for a wish to be checked by its own keywords from there on.
        part.pop("$schema", None)
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


def _subschemas(schema: Value) -> Iterator[dict[str, Value]]:
    """Every schema in a schema and behind its references."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = DRAFT202012.create_resource(schema)
    waiting = [(root, _no_registry().resolver_with_root(root))]
    seen: set[int] = set()
    while waiting:
        resource, resolver = waiting.pop()
        part = resource.contents
        if id(part) in seen or not isinstance(part, dict):
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


def _no_registry() -> Library:
    """A registry that knows no document and retrieves none."""
    from referencing import Registry

    return Registry()
