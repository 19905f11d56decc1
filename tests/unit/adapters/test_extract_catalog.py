"""`extract` of route.yaml as core's specs, there and back through a bundle's catalog."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.re2_patterns import compile_re2
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.extraction import specs

WORDS = "words:\n  sizes:\n    very_small: [tiny]\n    large:\n  tools:\n    git:\n    node: [js]\n"
ROUTE = """
params:
  type: object
  properties:
    size: {enum: [very_small, medium_sized, large]}
    sizes: {type: array, items: {enum: [medium, large]}}
    many: {type: string}
    wait: {type: number}
    load: {type: string}
extract:
  size:
    by: words
    words: sizes
    synonyms: {large: [big]}
    ignore: [big deal]
    typos: true
    pick: most
  sizes: words
  many:
    - regex: "x(.)"
    - {by: date, toward: future, after: [Until]}
    - {by: url, containing: [/a]}
    - {by: version, words: tools}
    - code
    - quoted
    - email
  wait: {by: number, units: {s: 1, ms: 0.001}}
  load: {by: number, units: [rps]}
params_model: small
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    files = {"words.yaml": WORDS, "billing/route.yaml": ROUTE}
    return read_routes(write_folder(tmp_path, {**SOUND, **files})).catalog


def test_what_yaml_says_is_what_core_gets(catalog: Catalog) -> None:
    route = catalog.routes["billing"]
    assert route.extract == {
        "size": (
            specs.Words(
                synonyms={
                    "very_small": ("tiny",),
                    "medium_sized": ("medium sized",),
                    "large": ("big",),
                },
                ignore=("big deal",),
                typos=True,
                pick=specs.Pick.MOST,
            ),
        ),
        "sizes": (specs.Words(synonyms={"medium": ("medium",), "large": ("large",)}),),
        "many": (
            specs.Pattern(regex="x(.)"),
            specs.Date(toward=specs.Toward.FUTURE, after=("until",)),
            specs.Url(containing=("/a",)),
            specs.Version(of={"git": ("git",), "node": ("js",)}),
            specs.Code(),
            specs.Quoted(),
            specs.Email(),
        ),
        "wait": (specs.Number(units={"s": 1.0, "ms": 0.001}),),
        "load": (specs.Number(units={"rps": 1.0}),),
    }
    assert route.params_model == "small"


def test_a_bundle_keeps_it(catalog: Catalog) -> None:
    adapter = TypeAdapter(Catalog)
    assert adapter.validate_json(adapter.dump_json(catalog)) == catalog


def test_a_bundle_of_before_has_nothing_to_extract() -> None:
    route = TypeAdapter(Route).validate_json('{"name": "old", "params_schema": {"type": "object"}}')
    assert (route.extract, route.params_model) == ({}, "")


def test_re2_says_why_it_refuses_an_expression() -> None:
    with pytest.raises(ValueError, match=r"missing \)"):
        compile_re2("(a")
    match = compile_re2("é(.)").search("aéb")
    assert match
    assert (match.group(1), match.span(1)) == ("b", (2, 3))
