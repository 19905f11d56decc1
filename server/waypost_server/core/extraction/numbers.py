"""Numbers with their units."""

import re
from collections.abc import Iterator, Mapping

from waypost_server.core.extraction.text import SMALL, Found, Text

_LARGE = {"k": 1e3, "m": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9}
_LARGE |= {"thousand": 1e3, "million": 1e6, "billion": 1e9}

_LONGEST = 24
"""Digits of a number; a longer run is an id, or nothing at all."""

_GROUPED = r"\d{1,3}(?:[,_'\u2019\xa0\u202f]\d{3}){1,7}+(?!\d)|\d{1,3}(?:\ \d{3}){1,7}+(?!\d)"
_FIGURES = rf"""(?<![\w.,])(?<!\d[\ '\u2019\xa0\u202f])
    (?:{_GROUPED}|\d{{1,{_LONGEST}}}+(?:,\d{{1,2}}(?![\d,]))?+)(?:\.\d{{1,{_LONGEST}}}+)?+(?![.,]?\d)"""
"""Groups of three, a decimal point, or a comma before one or two digits, which is one as well."""
_NUMBER = rf"(?P<figures>{_FIGURES})|\b(?P<word>{'|'.join(SMALL)})\b"
_SCALE = r"(?:\ ?(?:(?P<name>thousand|million|billion|mio|bn)\b|(?P<letter>[{}])(?![A-Za-z])))?+"
_BETWEEN = r"(?:[a-z-]{2,16}\ ){0,2}?"
"""Words between a number and its unit, as in "12 cloud regions"."""

_PER = r"(?:\ ?(?:/|per\ )\ ?(?:second|sec|s|minute|min|hour|h|day|week|month|year)\b)?"


def number_regex(units: Mapping[str, float]) -> re.Pattern[str]:
    """What finds numbers with one of `units`, or without any if there are none."""
    longest_first = sorted(units, key=lambda unit: (-len(unit), unit))
    alternatives = "|".join(
        re.escape(unit) + (r"(?!\w)" if unit[-1].isalnum() else "") for unit in longest_first
    )
    unit = rf"[\ -]?{_BETWEEN}(?P<unit>{alternatives}){_PER}" if units else r"(?![\w%]|[-\u2013]\d)"
    # A letter that is a unit here, such as the m of metres, stands for no million.
    letters = "".join(sorted({"k", "m", "b"} - {name.lower() for name in units})) or "k"
    scale = _SCALE.format(letters)
    return re.compile(rf"(?:{_NUMBER}){scale}{unit}", re.IGNORECASE | re.VERBOSE)


_FAR = 16
"""Characters before a number that may belong to it."""

_BEFORE = re.compile(
    r"(?:(?<![\w.,])(?P<lower>\d[\d.,]{0,8}+ ?[kKmM]?) ?[-\u2013] ?|(?<![^\s(])[-\u2212])\Z"
)
"""The lower end of a range, or a sign."""


def _value(figures: str) -> float:
    whole = _DECIMAL_COMMA.sub(".", figures) if "." not in figures else figures
    return float(_NO_FIGURE.sub("", whole))


_DECIMAL_COMMA = re.compile(r",(?=\d{1,2}\Z)")
_NO_FIGURE = re.compile(r"[^\d.]")


def find_numbers(
    text: Text, regex: re.Pattern[str], units: Mapping[str, float], *, as_written: bool
) -> Iterator[Found]:
    """Numbers in the order of the text.

    Args:
        text: the text.
        regex: of `number_regex`.
        units: factors by unit, in lower case.
        as_written: as text, with the unit; else the number times the unit's factor.
    """
    free = 0
    for place in text.numbers:
        start = text.spans[place][0]
        match = regex.match(text.text, start) if start >= free else None
        if not match:
            continue
        free = match.end()
        before = _BEFORE.search(text.text, max(0, start - _FAR), start)
        if as_written:
            begins = before.start() if before else start
            yield Found(text.text[begins:free], begins)
            continue
        if before and before["lower"]:  # a range is no number
            continue
        number = (
            _value(match["figures"]) if match["figures"] else float(SMALL[match["word"].lower()])
        )
        if before:
            number = -number
        if scale := match["name"] or match["letter"]:
            number *= _LARGE[scale.lower()]
        if units:
            number *= units[match["unit"].lower()]
        yield Found(number, start)
