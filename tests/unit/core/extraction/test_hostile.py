"""Texts that were made to hang an extractor, as long as a query may be: a hang ends the run."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.adapters.re2_patterns import compile_re2
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.extraction.parameters import Parameters
from waypost_server.core.extraction.specs import (
    Code,
    Date,
    Email,
    Extractor,
    Files,
    Number,
    Pattern,
    Quoted,
    Url,
    Version,
    Words,
)
from waypost_server.core.extraction.text import HEAD, TAIL, Text

SPECS: dict[str, Extractor] = {
    "words": Words(synonyms={"a": ("a", "a a", "a a a b")}, typos=True),
    "regex": Pattern(regex=r"(a*)*b"),
    "number": Number(units={"rps": 1.0, "a": 1.0}),
    "date": Date(),
    "code": Code(),
    "files": Files(),
    "url": Url(),
    "email": Email(),
    "version": Version(of={"a": ("a",)}),
    "quoted": Quoted(),
}
PIECES = (
    *("1", "1,", "1.", "1-", "a", "a ", "a.", "a@", "a@a.", "@", '"', "'a ", "`x", "https://"),
    *("http://)", "(", ")", "a/", "/", "{", "def a", "select a ", "for a in ", "$a = ", "```"),
    *("\n", "x = ", "1 a ", "v1", "one ", "ago ", "in 1 ", "12 march ", "é", "İ", "\U0001f600"),
    *("\x00", "a.py ", "func a(", "if [ ", "const a, ", "def a(", "public A<", "{\n a"),
)


def stage(routes: dict[str, Route]) -> Parameters:
    catalog = Catalog(taxonomy=Taxonomy(), routes={"default": Route(name="default"), **routes})
    return Parameters(catalog, compile_regex=compile_re2, today=lambda: date(2026, 3, 18))


ROUTE = Route(
    name="r",
    params_schema={"type": "object", "properties": {name: {"type": "string"} for name in SPECS}},
    extract={name: (spec,) for name, spec in SPECS.items()},
)
STAGE = stage({"r": ROUTE})


@pytest.fixture(scope="module")
def shipped(repo: Path) -> tuple[Catalog, Parameters]:
    catalog = read_routes(repo / "routes").catalog
    return catalog, stage(dict(catalog.routes))


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_of_one_piece_ends(piece: str, shipped: tuple[Catalog, Parameters]) -> None:
    text = piece * (32_768 // len(piece.encode()))
    STAGE.of(ROUTE, text)
    catalog, parameters = shipped
    for route in catalog.routes.values():
        parameters.of(route, text)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map("".join))
def test_no_text_fails(text: str) -> None:
    found = STAGE.of(ROUTE, text).params
    assert all(isinstance(value, str) and value for value in found.values())


def test_of_a_long_text_the_beginning_and_the_end_are_read() -> None:
    long = "x" * HEAD + "m" * 50_000 + "y" * TAIL
    assert Text(long).text == "x" * HEAD + "\n" + "y" * TAIL
    assert Text("x" * (HEAD + TAIL)).text == "x" * (HEAD + TAIL)
