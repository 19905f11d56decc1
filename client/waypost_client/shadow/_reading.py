"""Reads the records of shadow runs back from files."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from waypost_client.shadow._record import BEGINNING, NoRecordError, ShadowRun, run_of


class NoShadowLogError(Exception):
    """A file is no log of shadow runs; the text names file and line."""


@dataclass(slots=True)
class Lines:
    """What was read.

    Attributes:
        runs: records.
        damaged: lines that a crash has cut.
        repeated: records of a run that had been read already.
    """

    runs: int = 0
    damaged: int = 0
    repeated: int = 0


def read_runs(files: Iterable[Path], lines: Lines) -> Iterator[ShadowRun]:
    """The records of all files, each once; counts in `lines`.

    Raises:
        NoShadowLogError: a file has something else in it.
        OSError: a file cannot be read.
    """
    seen: set[tuple[str, str]] = set()
    for file in files:
        for run in _runs_of(file, lines):
            name = run.decision_id, run.candidate
            if name in seen:
                lines.repeated += 1
                continue
            seen.add(name)
            lines.runs += 1
            yield run


def _runs_of(file: Path, lines: Lines) -> Iterator[ShadowRun]:
    strange: int | None = None
    has_records = False
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            # A power cut can leave zeros where a line should be.
            text = raw.replace(b"\0", b"").decode("utf-8", "replace").strip()
            if not text:
                continue
            try:
                yield run_of(json.loads(text))
            except NoRecordError as error:
                raise _no_log(file, number, str(error)) from None
            except (ValueError, RecursionError):
                lines.damaged += 1
                if strange is None and not _may_be_cut(text):
                    strange = number
            else:
                has_records = True
    # What is left of a line may look like anything, but not in a file without any record.
    if strange and not has_records:
        raise _no_log(file, strange, "it is no JSON")


def _may_be_cut(text: str) -> bool:
    """Whether it is a record's beginning."""
    return text.startswith(BEGINNING) or BEGINNING.startswith(text)


def _no_log(file: Path, number: int, why: str) -> NoShadowLogError:
    return NoShadowLogError(
        f"{file}:{number}: this is no record of a shadow run: {why}; give the file that the "
        "dispatcher's shadow_log names"
    )
