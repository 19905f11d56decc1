"""Records of a decision log as rows of its tables, and back."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.decision_log import (
    CandidateRecord,
    DecisionRecord,
    ExcludedRecord,
    FlagRecord,
    OutcomeRecord,
    StepRecord,
    TimingsRecord,
)
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.redaction import redacted, redacted_values
from waypost_server.core.report import Attempt, Feedback, OutcomeReport, Role, SpecialistOutcome

Row = dict[str, Any]
"""Values by column."""

COLUMNS = ("decision_id", "at_ms", "tenant", "route", "outcome", "confidence", "index_version")
"""Of a decision; the rest is JSON in the column `record`."""

_NESTED = ("candidates", "timings", "flags", "plan", "excluded_models")
_REST = tuple(
    field.name for field in fields(DecisionRecord) if field.name not in (*COLUMNS, *_NESTED)
)
_CANDIDATE = tuple(field.name for field in fields(CandidateRecord))
_EXCLUDED = tuple(field.name for field in fields(ExcludedRecord))
_FLAG = tuple(field.name for field in fields(FlagRecord))
_STEP = tuple(field.name for field in fields(StepRecord))
_TIMINGS = tuple(field.name for field in fields(TimingsRecord))
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ATTEMPT_DEFAULTS = asdict(Attempt(model=""))


def redacted_decision(decision: DecisionRecord) -> DecisionRecord:
    """A decision without what a log must not keep."""
    text = None if decision.text is None else redacted(decision.text)
    reason = decision.rejection_reason and redacted(decision.rejection_reason)
    metadata = decision.metadata and redacted_values(decision.metadata)
    changed = text != decision.text
    if not changed and reason == decision.rejection_reason and metadata == decision.metadata:
        return decision
    return replace(
        decision,
        text=text,
        metadata=metadata,
        text_redacted=decision.text_redacted or changed,
        rejection_reason=reason,
    )


def decision_row(decision: DecisionRecord) -> Row:
    """The row of a decision, redacted."""
    kept = redacted_decision(decision)
    row = {name: _storable(value) for name, value in _values(kept, COLUMNS)}
    rest: Row = dict(_values(kept, _REST))
    rest["candidates"] = [dict(_values(each, _CANDIDATE)) for each in kept.candidates]
    rest["timings"] = dict(_values(kept.timings, _TIMINGS))
    if kept.flags is not None:
        rest["flags"] = [dict(_values(each, _FLAG)) for each in kept.flags]
    if kept.plan is not None:
        rest["plan"] = [dict(_values(each, _STEP)) for each in kept.plan]
    if kept.excluded_models is not None:
        rest["excluded_models"] = [dict(_values(each, _EXCLUDED)) for each in kept.excluded_models]
    if kept.metadata is not None:  # as pairs: a key of a caller's looks like none of ours
        rest["metadata"] = [*kept.metadata.items()]
    return row | {"record": _json(rest)}


def outcome_row(outcome: OutcomeRecord) -> Row:
    """The row of a report, redacted."""
    report = outcome.report
    said = {
        "outcome": report.outcome,
        "attempts": [_attempt(attempt) for attempt in report.attempts],
        "feedback": report.feedback,
        "correct_route": report.correct_route,
        "note": report.note and redacted(report.note),
        "route": report.route,
        "answered_by": report.answered_by,
        "caller": outcome.caller,
    }
    text = _json(said)
    return {
        "decision_id": report.decision_id,
        "digest": hashlib.sha256(text.encode()).hexdigest()[:32],
        "at_ms": outcome.at_ms,
        "record": text,
    }


def decision_of(row: Mapping[str, Any]) -> DecisionRecord:
    """The decision in a row."""
    rest = json.loads(row["record"])
    return DecisionRecord(
        decision_id=row["decision_id"],
        at_ms=row["at_ms"],
        tenant=row["tenant"],
        caller=rest["caller"],
        request_id=rest["request_id"],
        session_id=rest["session_id"],
        previous_route=rest.get("previous_route", ""),  # older rows have none
        route=row["route"],
        outcome=Outcome(row["outcome"]),
        action=Action(rest["action"]),
        reasons=tuple(map(Reason, rest["reasons"])),
        confidence=row["confidence"],
        similarity=rest["similarity"],
        threshold=rest["threshold"],
        calibration=CalibrationMethod(rest["calibration"]),
        stage=Stage(rest["stage"]),
        candidates=tuple(CandidateRecord(**candidate) for candidate in rest["candidates"]),
        fallback_route=rest["fallback_route"],
        models=tuple(rest["models"]),
        index_version=row["index_version"],
        encoder_fingerprint=rest["encoder_fingerprint"],
        timings=TimingsRecord(**rest["timings"]),
        allowed_routes=tuple(rest["allowed_routes"]),
        rejected_routes=tuple(rest["rejected_routes"]),
        rejected_decision=rest["rejected_decision"],
        rejection_reason=rest["rejection_reason"],
        text=rest["text"],
        text_redacted=rest["text_redacted"],
        flags=_flags(rest.get("flags")),  # older rows have none of these
        plan=_steps(rest.get("plan")),
        metadata=None if rest.get("metadata") is None else dict(rest["metadata"]),
        consultation_usd=rest.get("consultation_usd"),
        excluded_models=_excluded(rest.get("excluded_models")),
    )


def outcome_of(row: Mapping[str, Any]) -> OutcomeRecord:
    """The report in a row."""
    said = json.loads(row["record"])
    return OutcomeRecord(
        report=OutcomeReport(
            decision_id=row["decision_id"],
            outcome=SpecialistOutcome(said["outcome"]) if said["outcome"] else None,
            attempts=tuple(
                Attempt(**{**attempt, "role": Role(attempt.get("role", Role.ANSWER))})
                for attempt in said["attempts"]
            ),
            feedback=Feedback(said["feedback"]) if said["feedback"] else None,
            correct_route=said["correct_route"],
            note=said["note"],
            route=said["route"],
            answered_by=said["answered_by"],
        ),
        caller=said["caller"],
        at_ms=row["at_ms"],
    )


def _excluded(rows: Iterable[Row] | None) -> tuple[ExcludedRecord, ...] | None:
    return None if rows is None else tuple(ExcludedRecord(**row) for row in rows)


def _flags(rows: Iterable[Row] | None) -> tuple[FlagRecord, ...] | None:
    if rows is None:
        return None
    return tuple(
        FlagRecord(kind=FlagKind(row["kind"]), severity=Severity(row["severity"])) for row in rows
    )


def _steps(rows: Iterable[Row] | None) -> tuple[StepRecord, ...] | None:
    if rows is None:
        return None
    return tuple(StepRecord(**{**row, "depends_on": tuple(row["depends_on"])}) for row in rows)


def _values(record: object, names: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    """Names and values of some fields, two or more."""
    return zip(names, _getter(names)(record), strict=True)


@cache
def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    return attrgetter(*names)


def _attempt(attempt: Attempt) -> Row:
    """What differs from the defaults; the model always."""
    return {"model": attempt.model} | {
        name: value for name, value in asdict(attempt).items() if value != _ATTEMPT_DEFAULTS[name]
    }


def with_request_id(request_id: str) -> str:
    """What the record of a decision with this id holds, and no other one does."""
    return _json({"request_id": request_id})[1:-1]


def _json(value: Row) -> str:
    # A null character is written as "\\u0000", which any database takes.
    return _ENCODER.encode(value)


def _storable(value: object) -> object:
    """PostgreSQL's texts hold no null characters."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
