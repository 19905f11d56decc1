"""Periods begin where the calendar says; sensitivity is read from metadata."""

from datetime import UTC, datetime

import pytest

from waypost_server.core.model_policy import Period, Sensitivity


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "at", "start"),
    [
        (Period.HOUR, "2026-11-22T18:59:59.9", "2026-11-22T18:00:00"),
        (Period.HOUR, "2026-11-22T19:00:00", "2026-11-22T19:00:00"),
        (Period.DAY, "2026-11-22T23:59:59", "2026-11-22T00:00:00"),
        (Period.DAY, "1970-01-01T00:00:00", "1970-01-01T00:00:00"),
        (Period.MONTH, "2028-02-29T12:00:00", "2028-02-01T00:00:00"),
        (Period.MONTH, "2027-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_a_period_begins_with_the_hour_the_day_or_the_month(
    period: Period, at: str, start: str
) -> None:
    assert period.start(seconds(at)) == seconds(start)
    end = period.end(period.start(seconds(at)))
    assert period.start(end) == end > seconds(at)
    assert period.start(end - 1) == seconds(start)


def test_the_value_is_read_without_case_and_blanks_and_any_other_is_unknown() -> None:
    sensitivity = Sensitivity(
        metadata="level",
        levels={"public": (), "secret": ("local", "vetted")},
        unknown=("local",),
        unsaid=("cheap",),
    )
    assert sensitivity.tags_for({"level": " Secret "}) == ("local", "vetted")
    assert sensitivity.tags_for({"level": "public"}) == ()
    assert sensitivity.tags_for({"level": "confidental"}) == ("local",)
    assert sensitivity.tags_for({"level": ""}) == ("local",)
    assert sensitivity.tags_for({"other": "secret"}) == ("cheap",)
