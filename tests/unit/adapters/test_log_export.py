"""Files of logged decisions: whole or absent, and the same in every format."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.records import NOON, decision, outcome
from waypost_server.adapters.log_export import ROW_GROUP, Format, export
from waypost_server.adapters.log_json import iso_time, logged_json
from waypost_server.adapters.traffic_log import read_traffic
from waypost_server.core.decision_log import DecisionRecord, LoggedDecision, OutcomeRecord
from waypost_server.core.errors import DecisionLogError

BOTH = pytest.mark.parametrize("format", list(Format))

OLDER: Mapping[bool, Mapping[str, object]] = {
    False: {},
    True: dict.fromkeys(("flags", "plan", "metadata", "consultation_usd", "excluded_models")),
}
"""What a record has not that is older than these fields."""


def logged(count: int) -> list[LoggedDecision]:
    """Decisions, every third one without a word of what became of it."""
    made = []
    for i in range(count):
        one = decision(at_ms=NOON + i, text=None if i % 2 else "why?", **OLDER[i % 4 == 1])
        said = outcome(one.decision_id, at_ms=NOON + i + 1)
        assert isinstance(said, OutcomeRecord)
        made.append(LoggedDecision(one, (said,) * (i % 3)))
    return made


def ignore(_: int) -> None:
    """Of progress."""


def read(path: Path, format: Format) -> list[dict[str, Any]]:
    """What a file says, as JSON says it."""
    if format is Format.JSONL:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    for row in rows:
        if row["metadata"] is not None:
            row["metadata"] = dict(row["metadata"])
        for each in (row, *row["outcomes"]):
            time = each["at"]
            each["at_ms"] = round(time.timestamp() * 1000)
            each["at"] = iso_time(each["at_ms"])
    return rows


@BOTH
def test_a_file_says_all_that_the_log_says(tmp_path: Path, format: Format) -> None:
    path, decisions = tmp_path / "file", logged(20)
    assert export(decisions, path, format=format, force=False, progress=ignore) == 20
    expected = json.loads(json.dumps([logged_json(one) for one in decisions]))
    assert read(path, format) == expected
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@BOTH
def test_only_its_owner_reads_a_file_and_no_link_leads_it_elsewhere(
    tmp_path: Path, format: Format
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("all that I have")
    (tmp_path / ".file.new").symlink_to(precious)
    export(logged(1), tmp_path / "file", format=format, force=False, progress=ignore)
    assert precious.read_text() == "all that I have"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "file").is_symlink()


@BOTH
def test_none_is_a_file_too(tmp_path: Path, format: Format) -> None:
    assert export([], tmp_path / "file", format=format, force=False, progress=ignore) == 0
    assert read(tmp_path / "file", format) == []


@BOTH
def test_decisions_are_written_while_they_are_read(tmp_path: Path, format: Format) -> None:
    one, given, seen = LoggedDecision(decision(candidates=()), ()), 0, []

    def many() -> Iterator[LoggedDecision]:
        nonlocal given
        for _ in range(2 * ROW_GROUP + 5):
            given += 1
            yield one

    def progress(count: int) -> None:
        seen.append((count, given))

    count = 2 * ROW_GROUP + 5
    assert export(many(), tmp_path / "f", format=format, force=False, progress=progress) == count
    assert seen == [(ROW_GROUP, ROW_GROUP), (2 * ROW_GROUP, 2 * ROW_GROUP), (count, count)]


@BOTH
def test_a_file_that_is_there_stays_unless_forced(tmp_path: Path, format: Format) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(DecisionLogError, match=r"is there already; .* --force"):
        export(logged(1), path, format=format, force=False, progress=ignore)
    assert path.read_text() == "mine"

    def broken() -> Iterator[LoggedDecision]:
        yield from logged(2)
        raise DecisionLogError("the database is gone")

    with pytest.raises(DecisionLogError, match="gone"):
        export(broken(), path, format=format, force=True, progress=ignore)
    assert path.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    export(logged(2), path, format=format, force=True, progress=ignore)
    assert len(read(path, format)) == 2


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(DecisionLogError, match="none/file: cannot be written: No such file"):
        export(logged(1), path, format=Format.JSONL, force=False, progress=ignore)


def test_doctor_reads_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "file"
    export(logged(7), path, format=Format.JSONL, force=False, progress=ignore)
    assert read_traffic(path) == {"music": 7}


def test_parquet_has_a_column_for_each_field_and_times_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    export(logged(1), path, format=Format.PARQUET, force=False, progress=ignore)
    table = pyarrow.parquet.read_table(path)
    fields = set(DecisionRecord.__dataclass_fields__) - {"at_ms"}
    assert set(table.schema.names) == {*fields, "at", "outcomes"}
    assert table["at"][0].as_py() == datetime.fromtimestamp(NOON / 1000, UTC)


def test_times_are_written_to_the_millisecond() -> None:
    assert iso_time(NOON) == "2027-01-15T08:00:00.000Z"
    assert iso_time(NOON + 7) == "2027-01-15T08:00:00.007Z"
