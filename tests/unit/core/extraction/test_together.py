"""Looking for all words and expressions of a route at once finds what each alone finds."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost_server.adapters.re2_patterns import Re2Patterns, compile_re2
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.extraction.parameters import Parameters
from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.text import Text
from waypost_server.core.extraction.together import Together
from waypost_server.core.extraction.values import fits

REPO = Path(__file__).parents[4]
CATALOG = read_routes(REPO / "routes").catalog
ALONE, ALL = (
    Parameters(CATALOG, compile_regex=compile_re2, today=lambda: date(2026, 3, 18), pattern_set=one)
    for one in (None, Re2Patterns)
)
SAID = "python3 databases not on my laptop slow since 3 days ago 10-20 users KeyError: 503"
ALSO = "returns SQS a.py b.py https://a.b/pull/1 team of 4 Go in C# node 20 v1 9k t/s isn't it , ."
WORDS = f"{SAID} {ALSO}".split()
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=24).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_any_text_gives_the_same_with_and_without_a_set_and_keeps_the_schemas(text: str) -> None:
    for route in CATALOG.routes.values():
        found = ALL.of(route, text)
        assert found == ALONE.of(route, text)
        for name, value in found.params.items():
            assert route.params_schema
            assert fits(value, route.params_schema["properties"][name], compile_re2)


@given(TEXTS)
def test_a_table_finds_the_same_alone_and_together(text: str) -> None:
    one = Phrases({"a": ("slow", "on my laptop", "python"), "b": ("Go", "in C#", "database")})
    other = Phrases({"c": ("laptop", "in go", "days ago")}, typos=True)
    together = Together()
    for table in (one, other):
        together.add_table(table)
    together.close()
    for table in (one, other):
        assert list(table.find(Text(text, together))) == list(table.find(Text(text)))


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("it crashes on my laptop", "development"),
        ("it doesn't happen on my laptop", None),
        ("never on my laptop", None),
        ("not sure why, on my laptop", "development"),
    ],
)
def test_what_is_denied_does_not_count(text: str, severity: str | None) -> None:
    assert ALL.of(CATALOG.routes["debugging"], text).params.get("severity") == severity
