"""Days, absolute and relative to today, as YYYY-MM-DD."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta

from waypost_server.core.extraction.specs import Toward
from waypost_server.core.extraction.text import SMALL, Found, Text

_DAYS = [name.lower() for name in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")]
_DAYS += ["saturday", "sunday"]
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _MONTHS)
_COUNT = rf"(?P<count>\d{{1,4}}|an?|a\ couple\ of|{'|'.join(SMALL)})"
_SPAN = r"(?P<span>day|week|month|year)s?"

_DATE = re.compile(
    rf"""(?<![\w.,/-])(?:
        (?P<iso>\d{{4}}[-/]\d{{2}}[-/]\d{{2}})(?![\d-])(?:T\d{{2}}:\d{{2}}[\d:.Z+-]{{0,20}})?+
      | (?P<numeric>\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}})(?!\.?\d)
      | (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\ (?:of\ )?(?P<month>{_MONTH})\b\.?
        (?:,?\ (?P<year>\d{{4}})\b)?
      | (?P<month2>{_MONTH})\b\.?\ (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b
        (?:,?\ (?P<year2>\d{{4}})\b)?
      | (?P<before>the\ day\ before\ yesterday)|(?P<yesterday>yesterday|last\ night)
      | (?P<over>the\ day\ after\ tomorrow)|(?P<tomorrow>tomorrow)
      | (?P<today>today|tonight|this\ (?:morning|afternoon|evening))
      | {_COUNT}\ {_SPAN}\ (?P<ago>ago|earlier)
      | (?P<count3>\d{{1,4}}|half\ an|an?|a\ few|a\ couple\ of|{"|".join(SMALL)})
        \ (?P<clock>minute|min|hour|hr|h)s?\ (?:ago|earlier)
      | in\ {_COUNT.replace("count", "count2")}\ {_SPAN.replace("<span>", "<span2>")}
      | (?:(?P<which>last|past|previous|next|coming)\ )?(?P<weekday>{"|".join(_DAYS)})
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)

_AWAY = "yesterday night tomorrow today tonight morning afternoon evening ago earlier"
_SPANS = "day days week weeks month months year years"

_SIGNS = frozenset((*_DAYS, *_MONTHS, *(name[:3] for name in _MONTHS), *_AWAY.split()))
_SIGNS |= frozenset(_SPANS.split())
_FIGURES = re.compile(r"\d[./-]\d")
"""A text with neither these words nor such figures names no day."""

_BEGINS = "the last past previous next coming this in a an half"
_FIRST = _SIGNS | frozenset(_BEGINS.split())
"""Words that a day may begin with."""


def find_dates(text: Text, *, toward: Toward, today: date) -> Iterator[Found]:
    """Days in the order of the text, as YYYY-MM-DD.

    Args:
        text: the text.
        toward: where a weekday or a date without a year lies. A date such as 03/04/2026, of which
            nobody knows which is the month, is none.
        today: the day on which it was written.
    """
    if _SIGNS.isdisjoint(text.folded) and not _FIGURES.search(text.text):
        return
    free = 0
    first = [place for place, word in enumerate(text.folded) if word in _FIRST]
    for place in sorted({*first, *text.numbers}):
        start = text.spans[place][0]
        match = _DATE.match(text.text, start) if start >= free else None
        if not match:
            continue
        free = match.end()
        try:
            day = _day_of(match, toward, today)
        except (ValueError, OverflowError):  # there is no such day
            continue
        if day:
            yield Found(day.isoformat(), start)


def _day_of(match: re.Match[str], toward: Toward, today: date) -> date | None:
    if match["iso"]:
        return date.fromisoformat(match["iso"].replace("/", "-"))
    if match["numeric"]:
        return _numeric(match["numeric"])
    if match["month"] or match["month2"]:
        return _named(match, toward, today)
    if match["weekday"]:
        return _weekday(match, toward, today)
    return _relative(match, today)


def _numeric(text: str) -> date | None:
    """With dots the day comes first; with slashes only the figures can tell."""
    first, second, year = (int(part) for part in re.split(r"[./]", text))
    if "." in text or first > 12:
        return date(year, second, first)
    return date(year, first, second) if second > 12 or first == second else None


def _named(match: re.Match[str], toward: Toward, today: date) -> date:
    name = (match["month"] or match["month2"]).lower()
    month = next(i for i, known in enumerate(_MONTHS, 1) if known[:3] == name[:3])
    day = int(match["day"] or match["day2"])
    if year := match["year"] or match["year2"]:
        return date(int(year), month, day)
    found = date(today.year, month, day)
    if toward is Toward.PAST and found > today:
        return date(today.year - 1, month, day)
    if toward is Toward.FUTURE and found < today:
        return date(today.year + 1, month, day)
    return found


def _weekday(match: re.Match[str], toward: Toward, today: date) -> date:
    """The nearest such day that is not today."""
    which = (match["which"] or "").lower()
    ahead = (_DAYS.index(match["weekday"].lower()) - today.weekday()) % 7 or 7
    forward = which in ("next", "coming") or (not which and toward is Toward.FUTURE)
    return today + timedelta(days=ahead if forward else (ahead - 7) or -7)


_HOURS = 24
"""Of a day: some hours ago is today, because nobody knows what time it is for the caller."""


def _relative(match: re.Match[str], today: date) -> date:
    if match["ago"]:
        return _away(match["count"], match["span"], today, -1)
    if match["clock"]:
        hours = _count(match["count3"].lower()) if match["clock"][0] in "hH" else 0
        return today - timedelta(days=hours // _HOURS)
    if match["count2"]:
        return _away(match["count2"], match["span2"], today, 1)
    days = {"before": -2, "yesterday": -1, "today": 0, "tomorrow": 1, "over": 2}
    return today + timedelta(days=next(by for name, by in days.items() if match[name]))


def _away(count: str, span: str, today: date, sign: int) -> date:
    many = _count(count.lower()) * sign
    span = span.lower()
    if span in ("day", "week"):
        return today + timedelta(days=many * (7 if span == "week" else 1))
    months = today.year * 12 + today.month - 1 + many * (12 if span == "year" else 1)
    year, month = divmod(months, 12)
    # A month before 31 March ends on its own last day.
    last = calendar.monthrange(year, month + 1)[1] if 1 <= year <= 9999 else today.day
    return date(year, month + 1, min(today.day, last))


def _count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    return SMALL.get(text, 2 if "couple" in text else 1)
