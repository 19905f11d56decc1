"""Where a cited figure stands: in a cell of a table, in a sentence, in a file of raw figures."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
BENCHMARKS = "docs/benchmarks.md"
NUMBER = re.compile(r"(?<![\w.-])[-+]?\d(?:[\d,]*\d)?(?:\.\d+)?")

Source = Callable[[], Decimal]
"""Gives a figure with as many decimals as are known of it."""


def cell(
    section: str,
    row: tuple[str, ...],
    column: str,
    *,
    number: int = 0,
    table: int | None = None,
    page: str = BENCHMARKS,
) -> Source:
    """A number of a cell.

    Args:
        section: the heading that its table stands under.
        row: what its row begins with, cell by cell.
        column: the head of its column.
        number: which of the cell's numbers, from 0 on.
        table: which of the section's tables, from 0 on; None for the only one with such a cell.
        page: the page, by its path in the repository.
    """

    def read() -> Decimal:
        tables = _tables(page, section)
        found = [
            line[each.columns.index(column)]
            for each in (tables if table is None else tables[table : table + 1])
            if column in each.columns
            for line in each.rows
            if line[: len(row)] == row
        ]
        if len(found) != 1:
            raise LookupError(f"{page}, {section}: {len(found)} cells {row}, {column!r}")
        return numbers_in(found[0])[number]

    return read


def raw(file: str, *keys: str | int, times: int = 1) -> Source:
    """A value of docs/benchmarks/, by the keys that lead to it."""

    def read() -> Decimal:
        content = (ROOT / "docs/benchmarks" / file).read_text("utf-8")
        value: Any = json.loads(content, parse_float=Decimal, parse_int=Decimal)
        for key in keys:
            value = value[key]
        return Decimal(value) * times

    return read


def said(page: str, template: str, number: int = 0) -> Source:
    """One of the numbers that a sentence has at the places of `{}`."""

    def read() -> Decimal:
        return to_decimal(place_of(template, (ROOT / page).read_text("utf-8"))[number + 1])

    return read


def least(*sources: Source) -> Source:
    """The least of them."""
    return lambda: min(source() for source in sources)


def most(*sources: Source) -> Source:
    """The greatest of them."""
    return lambda: max(source() for source in sources)


def less(one: Source, other: Source) -> Source:
    """By how much one is above the other."""
    return lambda: one() - other()


def size(source: Source) -> Source:
    """A figure without its sign."""
    return lambda: abs(source())


def milli(source: Source) -> Source:
    """Microseconds as milliseconds."""
    return lambda: source() / 1000


def place_of(template: str, text: str) -> re.Match[str]:
    """The only place where a template stands; raises LookupError where there is none, or more."""
    found = list(pattern(template).finditer(text))
    if len(found) != 1:
        raise LookupError(f"{template!r} stands there {len(found)} times")
    return found[0]


def pattern(template: str) -> re.Pattern[str]:
    """Finds a template, however its lines are broken; a group for each `{}`."""
    parts = [re.sub(r"(\\[ \n])+", r"\\s+", re.escape(part)) for part in template.split("{}")]
    return re.compile(r"(\d(?:[\d,]*\d)?(?:\.\d+)?)".join(parts))


def numbers_in(text: str) -> list[Decimal]:
    """All of a text, in order."""
    return [to_decimal(each) for each in NUMBER.findall(text)]


def to_decimal(text: str) -> Decimal:
    """A number as pages write it."""
    return Decimal(text.replace(",", ""))


@dataclass(frozen=True)
class _Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@cache
def _tables(page: str, section: str) -> tuple[_Table, ...]:
    text = (ROOT / page).read_text("utf-8")
    _, found, rest = f"\n{text}".partition(f"# {section}\n")
    if not found:
        raise LookupError(f"{page} has no section {section!r}")
    body = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^\|.*\n?)+", body, flags=re.MULTILINE)
    return tuple(_table(block.splitlines()) for block in blocks)


def _table(lines: list[str]) -> _Table:
    head, _, *rows = (
        tuple(part.strip(" *") for part in re.split(r"(?<!\\)\|", line.strip()[1:-1]))
        for line in lines
    )
    return _Table(head, tuple(rows))
