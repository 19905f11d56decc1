"""What looks like a number, a day, a version or an address, and is another thing."""

from datetime import date

import pytest

from waypost_server.core.extraction.dates import find_dates
from waypost_server.core.extraction.marks import find_emails, find_versions
from waypost_server.core.extraction.numbers import find_numbers, number_regex
from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.specs import Toward
from waypost_server.core.extraction.text import Text

UNITS = {"users": 1.0, "gb": 1.0, "gib": 1.0, "ms": 1.0}


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("10-20 users", "10-20 users", None),
        ("10k-20k users", "10k-20k users", None),
        ("1,000,000 users", "1,000,000 users", 1e6),
        ("1 000 000 users", "1 000 000 users", 1e6),
        ("1_000_000 users", "1_000_000 users", 1e6),
        ("1'000'000 users", "1'000'000 users", 1e6),
        ("10,5 GB", "10,5 GB", 10.5),
        ("1,234.56 GB", "1,234.56 GB", 1234.56),
        ("-5 users", "-5 users", -5),
        ("- 5 users", "5 users", 5),
        ("10k users", "10k users", 10_000),
        ("3 GiB", "3 GiB", 3),
        ("250ms", "250ms", 250),
        ("1,2,3 users", None, None),
        ("12,34,567 users", None, None),
        ("1.000.000 users", None, None),
        ("1.2.3 users", None, None),
    ],
)
def test_a_number_is_what_a_person_reads(
    text: str, written: str | None, number: float | None
) -> None:
    regex = number_regex(UNITS)
    as_text = [one.value for one in find_numbers(Text(text), regex, UNITS, as_written=True)]
    as_number = [one.value for one in find_numbers(Text(text), regex, UNITS, as_written=False)]
    assert as_text == ([] if written is None else [written])
    assert as_number == ([] if number is None else [number])


def test_a_letter_that_is_a_unit_is_no_million() -> None:
    units = {"m": 1.0, "km": 1000.0}
    found = find_numbers(Text("5m and 3 km"), number_regex(units), units, as_written=False)
    assert [one.value for one in found] == [5, 3000]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("31.02.2026", []),
        ("2026-02-30", []),
        ("30 February", []),
        ("29 Feb 2025", []),
        ("29 Feb 2024", ["2024-02-29"]),
        ("2026-03-12T10:00:00Z", ["2026-03-12"]),
        ("2 hours ago", ["2026-03-18"]),
        ("half an hour ago", ["2026-03-18"]),
        ("30 hours ago", ["2026-03-17"]),
        ("9999 years ago", []),
    ],
)
def test_a_day_exists_or_is_none(text: str, days: list[str]) -> None:
    found = find_dates(Text(text), toward=Toward.PAST, today=date(2026, 3, 18))
    assert [one.value for one in found] == days


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("react@18.2.0", ["18.2.0"]),
        ("react@18", ["18"]),
        ("numpy<2.0", []),
        ("numpy<=2.0", ["2.0"]),
        ("numpy>=1.20,<2.0", ["1.20"]),
        ("^18.2.0", ["18.2.0"]),
        ("3.8-3.12", []),
        ("10.0.0.1", []),
        ("1.5 GB", []),
    ],
)
def test_a_version_is_the_one_that_is_meant(text: str, versions: list[str]) -> None:
    names = Phrases({"react": ("react",), "numpy": ("numpy",)})
    assert [one.value for one in find_versions(Text(text), names)] == versions


@pytest.mark.parametrize(
    "text",
    [
        "react@18.2.0",
        "git@github.com:a/b.git",
        "git@github.com",
        "ssh://git@github.com/a",
        "https://me:word@example.org/x",
        "bob@host.org:/tmp",
        "icon@2x.png",
        "root@10.0.0.1",
    ],
)
def test_what_is_no_mailbox_is_none(text: str) -> None:
    assert not list(find_emails(Text(text)))


def test_a_mailbox_before_a_colon_is_one() -> None:
    text = "write to bob@example.org: thanks"
    assert [one.value for one in find_emails(Text(text))] == ["bob@example.org"]
