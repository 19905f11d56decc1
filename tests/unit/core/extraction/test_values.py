"""A part of JSON Schema, held against the whole of it."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.adapters.re2_patterns import compile_re2
from waypost_server.core.extraction.values import KEYWORDS, cast, fits

SCALARS = st.one_of(
    st.text("ab1", max_size=4), st.integers(-3, 9), st.sampled_from([0.5, 1.0, 2.5]), st.booleans()
)
SMALL = st.integers(0, 4)
SCALAR_SCHEMA = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean"]),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
        "pattern": st.sampled_from(["^a", "b$", "[0-9]"]),
        "minLength": SMALL,
        "maxLength": SMALL,
        "minimum": SMALL,
        "maximum": SMALL,
        "exclusiveMinimum": SMALL,
        "exclusiveMaximum": SMALL,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "description": st.just("x"),
    },
)
LIST_SCHEMA = st.fixed_dictionaries(
    {"type": st.just("array")},
    optional={
        "items": SCALAR_SCHEMA,
        "minItems": SMALL,
        "maxItems": SMALL,
        "uniqueItems": st.booleans(),
    },
)


@given(
    schema=st.one_of(SCALAR_SCHEMA, LIST_SCHEMA),
    value=st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.none()),
)
def test_a_value_fits_as_jsonschema_says(schema: dict[str, Any], value: object) -> None:
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert fits(value, schema, compile_re2) is expected


def test_the_keywords_that_are_checked_here_are_those_above() -> None:
    says_nothing = {"title", "description", "default", "examples", "deprecated", "$comment"}
    checked = {"enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum"}
    checked |= {"exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    checked |= {"minItems", "maxItems", "uniqueItems", "items"}
    assert says_nothing | checked | {"type", "format"} == KEYWORDS


@pytest.mark.parametrize(
    ("value", "schema", "found"),
    [
        ("12", {"type": "integer"}, 12),
        (12.0, {"type": "integer"}, 12),
        (12.5, {"type": "integer"}, None),
        ("x", {"type": "number"}, None),
        ("1e999", {"type": "integer"}, None),
        ("nan", {"type": "number"}, None),
        ("True", {"type": "boolean"}, True),
        ("yes", {"type": "boolean"}, None),
        (3.0, {"type": "string"}, "3"),
        ("2", {"enum": [1, 2]}, 2),
        ("z", {}, "z"),
    ],
)
def test_what_was_found_is_cast_to_the_type_that_is_wanted(
    value: str | float, schema: dict[str, Any], found: object
) -> None:
    assert cast(value, schema) == found
    assert type(cast(value, schema)) is type(found)
