"""Records of a decision log, and a log in memory."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.decision_log import (
    CandidateRecord,
    DecisionRecord,
    ExcludedRecord,
    FlagRecord,
    LogFilter,
    LoggedDecision,
    OutcomeRecord,
    Record,
    StepRecord,
    TimingsRecord,
)
from waypost_server.core.errors import DecisionLogError, RefusedRecordError
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.report import Attempt, Feedback, OutcomeReport, Role, SpecialistOutcome
from waypost_server.service.ids import new_decision_id

NOON = 1_800_000_000_000
"""Milliseconds since 1970, in 2027."""


def decision(**changes: object) -> DecisionRecord:
    """One with something in every field; `changes` are fields of another value."""
    whole = DecisionRecord(
        decision_id=new_decision_id(),
        at_ms=NOON,
        tenant="acme",
        caller="ci",
        request_id="r-1",
        session_id="s-1",
        previous_route="travel",
        route="music",
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD, Reason.ROUTE_REJECTED),
        confidence=0.1 + 0.2,
        similarity=-0.25,
        threshold=0.7437999844551086,
        calibration=CalibrationMethod.CROSS_FITTED,
        stage=Stage.STATIC_ENCODER,
        candidates=(
            CandidateRecord(route="music", confidence=0.3, similarity=-0.25, threshold=0.74),
            CandidateRecord(route="a/b", confidence=1e-300, similarity=0.0, threshold=-1.0),
        ),
        fallback_route="travel",
        models=("cheap", "strong"),
        index_version="e82a749e1c69",
        encoder_fingerprint="ee" * 32,
        timings=TimingsRecord(queue_us=1, encode_us=2, search_us=3, decide_us=4, total_us=10),
        allowed_routes=("music", "travel"),
        rejected_routes=("travel", "banking"),
        rejected_decision=new_decision_id(),
        rejection_reason="it is about cars",
        flags=(
            FlagRecord(kind=FlagKind.PERSONAL_DATA, severity=Severity.LOW),
            FlagRecord(kind=FlagKind.JAILBREAK, severity=Severity.HIGH),
        ),
        plan=(
            StepRecord(route="music", confidence=0.9),
            StepRecord(route="a/b", depends_on=(1,), confidence=0.1 + 0.2),
        ),
        consultation_usd=0.00012,
        excluded_models=(ExcludedRecord(name="large", why="switched off by an operator"),),
        metadata={"channel": "chät", "plan": "\x00 'gold'"},
        text="Ein Lied für Jürgen, 日本 \N{MUSICAL NOTE} \x00 'quoted' \"twice\" %s :x",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def outcome(decision_id: str, *, at_ms: int = NOON, caller: str = "ci", **said: object) -> Record:
    """A report, with something in every field that `said` does not say."""
    whole = OutcomeReport(
        decision_id=decision_id,
        outcome=SpecialistOutcome.ACCEPTED,
        attempts=(
            Attempt(model="cheap", error_kind="timeout", breaker_open=True, breaker_open_ms=5_000),
            Attempt(
                model="strong",
                succeeded=True,
                latency_ms=800,
                first_token_ms=90,
                input_tokens=1_200,
                output_tokens=55,
                cost_usd=0.0123,
                route="travel",
                role=Role.JUDGE,
            ),
        ),
        feedback=Feedback.NEGATIVE,
        correct_route="banking",
        note="wörds",
        route="music",
        answered_by="travel",
    )
    report = replace(whole, **said)  # type: ignore[arg-type]
    return OutcomeRecord(report=report, caller=caller, at_ms=at_ms)


class MemoryLog:
    """A log that takes what it is given unless it is told to fail; implements core's DecisionLog.

    Attributes:
        batches: what was kept, by transaction.
        problem: what the next attempts raise; None for nothing.
        refused: tells which records can never be kept.
        size_problem: what asking for the size raises; None for nothing.
        measured: how often it was asked for.
    """

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.problem: Exception | None = None
        self.refused: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.attempts = 0
        self.size_problem: Exception | None = None
        self.measured = 0

    @property
    def decision_ids(self) -> list[str]:
        """Of the decisions that were kept, in their order."""
        return [
            one.decision_id
            for batch in self.batches
            for one in batch
            if isinstance(one, DecisionRecord)
        ]

    def append(self, records: Sequence[Record]) -> None:
        self.attempts += 1
        assert self.gate.wait(20), "the test never opened the gate"
        if self.problem:
            raise self.problem
        if any(isinstance(one, DecisionRecord) and one.route in self.refused for one in records):
            raise RefusedRecordError("no such thing")
        self.batches.append(list(records))

    def find(self, decision_id: str) -> LoggedDecision | None:
        raise DecisionLogError(f"not needed: {decision_id}")

    def count(self, wanted: LogFilter) -> int:
        raise DecisionLogError(f"not needed: {wanted}")

    def between(self, wanted: LogFilter) -> Iterator[LoggedDecision]:
        raise DecisionLogError(f"not needed: {wanted}")

    def last(self, wanted: LogFilter, count: int) -> Sequence[LoggedDecision]:
        raise DecisionLogError(f"not needed: {wanted} {count}")

    def claim_sweep(self, now_ms: int, every_ms: int) -> int | None:
        raise DecisionLogError(f"not needed: {now_ms} {every_ms}")

    def delete_before(self, time_ms: int, *, limit: int) -> int:
        raise DecisionLogError(f"not needed: {time_ms} {limit}")

    def size_bytes(self) -> int:
        self.measured += 1
        if self.size_problem:
            raise self.size_problem
        return 1_000 * sum(len(batch) for batch in self.batches)
