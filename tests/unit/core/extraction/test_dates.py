"""Days, absolute and relative to a Wednesday."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.extraction.dates import find_dates
from waypost_server.core.extraction.specs import Toward
from waypost_server.core.extraction.text import Text

TODAY = date(2026, 3, 18)


def days(text: str, toward: Toward = Toward.PAST, today: date = TODAY) -> list[object]:
    return [found.value for found in find_dates(Text(text), toward=toward, today=today)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 2026-03-12,", "2026-03-12"),
        ("2025/12/31", "2025-12-31"),
        ("am 12.3.2026", "2026-03-12"),
        ("12/25/2025", "2025-12-25"),
        ("25/12/2025", "2025-12-25"),
        ("5/5/2025", "2025-05-05"),
        ("12 March 2025", "2025-03-12"),
        ("the 2nd of May, 2024", "2024-05-02"),
        ("Mar 3rd 2026", "2026-03-03"),
        ("29 feb 2024", "2024-02-29"),
        ("since this morning", "2026-03-18"),
        ("TODAY", "2026-03-18"),
        ("yesterday", "2026-03-17"),
        ("last night", "2026-03-17"),
        ("the day before yesterday", "2026-03-16"),
        ("tomorrow", "2026-03-19"),
        ("two days ago", "2026-03-16"),
        ("a week ago", "2026-03-11"),
        ("a couple of days ago", "2026-03-16"),
        ("3 months ago", "2025-12-18"),
        ("in 2 weeks", "2026-04-01"),
        ("10 years ago", "2016-03-18"),
        ("monday", "2026-03-16"),
        ("wednesday", "2026-03-11"),  # the nearest that is not today
        ("last friday", "2026-03-13"),
        ("next friday", "2026-03-20"),
    ],
)
def test_a_day_is_found(text: str, day: str) -> None:
    assert days(text) == [day]


@pytest.mark.parametrize(
    "text",
    [
        "03/04/2026",  # nobody knows which is the month
        "2026-02-30",
        "31 april 2026",
        "1999999-03-12",
        "version 1.2.2026.4",
        "may I ask",
        "march on",
        "9999 years ago",
        "in 9999 years",
        "sundays best",
        "x2026-03-12x",
    ],
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert days(text) == []


def test_words_that_leave_it_open_lie_where_they_are_told_to() -> None:
    assert days("20 march") == ["2025-03-20"]
    assert days("20 march", Toward.FUTURE) == ["2026-03-20"]
    assert days("1 march", Toward.FUTURE) == ["2027-03-01"]
    assert days("friday", Toward.FUTURE) == ["2026-03-20"]


def test_a_month_ago_is_in_the_month_before_however_short_it_is() -> None:
    assert days("a month ago", today=date(2026, 3, 31)) == ["2026-02-28"]
    assert days("a year ago", today=date(2024, 2, 29)) == ["2023-02-28"]


@given(st.dates(date(1000, 1, 1), date(9999, 12, 31)))
def test_every_day_is_read_as_it_was_written(day: date) -> None:
    assert days(f"due {day.isoformat()}.") == [day.isoformat()]
    assert days(f"{day.day}.{day.month}.{day.year:04}") == [day.isoformat()]
    assert days(day.strftime("%B %d, ") + f"{day.year:04}") == [day.isoformat()]


@given(st.integers(0, 3000))
def test_days_ago_are_so_many_days_ago(many: int) -> None:
    assert days(f"{many} days ago") == [(TODAY - timedelta(days=many)).isoformat()]
