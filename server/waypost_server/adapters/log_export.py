"""Writes logged decisions into a file, in bounded memory; the file is whole or absent."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from waypost_server.adapters.files import sync_folder
from waypost_server.adapters.log_json import logged_json
from waypost_server.core.decision_log import LoggedDecision
from waypost_server.core.errors import DecisionLogError

ROW_GROUP = 5_000
"""Decisions of a row group of Parquet: some ten megabytes of memory."""


class Format(StrEnum):
    """Of a file."""

    JSONL = "jsonl"
    PARQUET = "parquet"


MODE = 0o600
"""The log may have queries."""


def export(
    decisions: Iterable[LoggedDecision],
    path: Path,
    *,
    format: Format,
    force: bool,
    progress: Callable[[int], None],
) -> int:
    """Writes them all; says how many.

    Args:
        decisions: read one by one.
        path: where to.
        format: JSONL has an object a line, Parquet a row a decision.
        force: whether a file that is there is replaced.
        progress: called now and then with how many are written.

    Raises:
        DecisionLogError: the file is there, cannot be written, or pyarrow is not installed.
    """
    if path.exists() and not force:
        raise DecisionLogError(f"{path} is there already; name another file, or say --force")
    write = _write_jsonl if format is Format.JSONL else _write_parquet
    try:
        with _aside(path) as aside:
            return write(decisions, aside, progress)
    except OSError as error:
        raise DecisionLogError(f"{path}: cannot be written: {error.strerror or error}") from None


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place at the end, and goes if there is none."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    # New and ours: where others may write, the name could be their link to a file of ours.
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def _write_jsonl(
    decisions: Iterable[LoggedDecision], path: Path, progress: Callable[[int], None]
) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for logged in decisions:
            file.write(json.dumps(logged_json(logged), ensure_ascii=False) + "\n")
            count += 1
            if count % ROW_GROUP == 0:
                progress(count)
    progress(count)
    return count


def _write_parquet(
    decisions: Iterable[LoggedDecision], path: Path, progress: Callable[[int], None]
) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise DecisionLogError(
            "Parquet needs pyarrow: pip install 'waypost[parquet]', or say --format jsonl"
        ) from None
    schema = _schema(pyarrow)
    count, rest = 0, iter(decisions)
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rest, ROW_GROUP)):
            rows = [_row(logged) for logged in group]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            count += len(group)
            progress(count)
    return count


def _row(logged: LoggedDecision) -> dict[str, Any]:
    """As JSON, but for times, which Parquet has a type for."""
    row = logged_json(logged)
    for each in (row, *row["outcomes"]):
        each["at"] = each.pop("at_ms")
    if row.get("metadata") is not None:
        row["metadata"] = list(row["metadata"].items())
    return row


def _schema(pyarrow: Any) -> Any:  # noqa: ANN401  (it has no types)
    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    truth, names = pyarrow.bool_(), pyarrow.list_(pyarrow.string())
    time = pyarrow.timestamp("ms", tz="UTC")
    candidate = pyarrow.struct(
        {"route": text, "confidence": number, "similarity": number, "threshold": number}
    )
    flag = pyarrow.struct({"kind": text, "severity": text})
    excluded = pyarrow.struct({"name": text, "why": text})
    step = pyarrow.struct({"route": text, "depends_on": pyarrow.list_(whole), "confidence": number})
    parts = ("queue_us", "encode_us", "search_us", "decide_us", "total_us")
    attempt = pyarrow.struct(
        {"model": text, "succeeded": truth, "error_kind": text}
        | dict.fromkeys(("latency_ms", "first_token_ms", "input_tokens", "output_tokens"), whole)
        | {"cost_usd": number, "breaker_open": truth, "breaker_open_ms": whole}
        | {"route": text, "role": text}
    )
    outcome = pyarrow.struct(
        {"at": time}
        | dict.fromkeys(("caller", "outcome", "feedback", "correct_route", "note"), text)
        | {"route": text, "answered_by": text, "attempts": pyarrow.list_(attempt)}
    )
    return pyarrow.schema(
        {"decision_id": text, "at": time}
        | dict.fromkeys(("tenant", "caller", "request_id", "session_id", "previous_route"), text)
        | {"route": text, "outcome": text, "action": text, "reasons": names}
        | {"confidence": number, "similarity": number, "threshold": number}
        | {"calibration": text, "stage": text, "candidates": pyarrow.list_(candidate)}
        | {"fallback_route": text, "models": names}
        | {"index_version": text, "encoder_fingerprint": text}
        | {"timings": pyarrow.struct(dict.fromkeys(parts, whole))}
        | {"allowed_routes": names, "rejected_routes": names}
        | {"rejected_decision": text, "rejection_reason": text}
        | {"text": text, "text_redacted": truth}
        | {"flags": pyarrow.list_(flag), "plan": pyarrow.list_(step)}
        | {"metadata": pyarrow.map_(text, text), "consultation_usd": number}
        | {"excluded_models": pyarrow.list_(excluded)}
        | {"outcomes": pyarrow.list_(outcome)}
    )
