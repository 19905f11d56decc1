"""Numbers with their units."""

import pytest

from waypost_server.core.extraction.numbers import find_numbers, number_regex
from waypost_server.core.extraction.text import Text

SECONDS = {"ms": 0.001, "s": 1.0, "seconds": 1.0, "minutes": 60.0}
LOAD = dict.fromkeys(("rps", "tb", "users", "events"), 1.0)


def written(text: str) -> list[object]:
    found = find_numbers(Text(text), number_regex(LOAD), LOAD, as_written=True)
    return [one.value for one in found]


def counted(text: str, units: dict[str, float]) -> list[object]:
    found = find_numbers(Text(text), number_regex(units), units, as_written=False)
    return [one.value for one in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10000 rps", ["10000 rps"]),
        ("3k events per second, 2TB", ["3k events per second", "2TB"]),
        ("about 5 million daily users/day", ["5 million daily users/day"]),
        ("1,500 Users a day", ["1,500 Users"]),
        ("forty users", ["forty users"]),
        ("v2 tb, 2 tbs, abc12 rps", []),  # neither in a word nor before one
        ("users 5", []),
        ("1.5.2 tb", []),
    ],
)
def test_a_text_gets_number_and_unit_as_written(text: str, found: list[str]) -> None:
    assert written(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("300ms", [0.3]),
        ("1.5 minutes, 2 S", [90.0, 2.0]),
        ("2k seconds", [2000.0]),
        ("three seconds", [3.0]),
        ("1,200 ms", [1.2]),
        ("5 apples", []),
    ],
)
def test_a_number_is_multiplied_by_its_unit(text: str, found: list[float]) -> None:
    assert counted(text, SECONDS) == pytest.approx(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [("3 of 2 million", [3, 2e6]), ("50% of 7", [7]), ("a4 5x", []), ("twenty", [20])],
)
def test_without_units_plain_numbers_count(text: str, found: list[float]) -> None:
    assert counted(text, {}) == found
