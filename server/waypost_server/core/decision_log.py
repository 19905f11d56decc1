"""What is kept of decisions and of what became of them, and the log that keeps it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.report import OutcomeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """A route that was considered; the fields are those of ranking's Candidate."""

    route: str
    confidence: float
    similarity: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRecord:
    """A kind of thing that the guard found, and how much it matters; never what it was, or where.

    The fields are those of a contract's flag.
    """

    kind: FlagKind
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedRecord:
    """A model that the contract left out, and why, in the words that its caller got."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A step of a plan, without its text.

    Attributes:
        route: who takes it.
        depends_on: numbers, from 1, of the steps whose output it needs.
        confidence: as of a decision about this part alone, in [0, 1].
    """

    route: str
    depends_on: tuple[int, ...] = ()
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingsRecord:
    """Where a decision's time went, in microseconds."""

    queue_us: int = 0
    encode_us: int = 0
    search_us: int = 0
    decide_us: int = 0
    total_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What is kept of one decision.

    Attributes:
        decision_id: its UUIDv7.
        at_ms: when, in milliseconds since 1970 by the server's clock.
        tenant: on whose behalf; empty for the default tenant.
        caller: the name of the caller's token; empty for somebody without one.
        request_id: the caller's own id; empty for none.
        session_id: the conversation; empty for none.
        previous_route: where it was, if that counted; empty otherwise.
        route: where the query went.
        outcome: what was decided.
        action: what the client should do.
        reasons: why, the most important first.
        confidence: of the best candidate, in [0, 1]; 0 where there is none.
        similarity: cosine of the query and the best candidate's nearest exemplar.
        threshold: what that had to reach.
        calibration: what confidence was fitted on.
        stage: what decided.
        candidates: routes that were considered, best first.
        fallback_route: where to go when the specialist refuses or fails; empty for nowhere else.
        models: names of the models that were offered, in order.
        excluded_models: those that were left out; None in a record that is older than this field.
        index_version: the bundle that decided.
        encoder_fingerprint: of the encoder that decided.
        timings: where the time went.
        allowed_routes: those that the request allowed, sorted; empty for all.
        rejected_routes: those whose specialists had rejected the query, in their order.
        rejected_decision: the decision that this one takes the place of; empty for a first one.
        rejection_reason: why that one's specialist rejected the query; empty for not said.
        text: the query; None where it is not kept.
        text_redacted: whether anything in `text` gave way to a placeholder.
        flags: what the guard found, each kind and severity once; None in a record that is older
            than this field.
        plan: steps in order; empty where there is no plan, None likewise.
        metadata: what the request said; None where there was some and it is not kept, and likewise.
        consultation_usd: what language models cost that were asked about it, in US dollars, by the
            fleet's prices; None likewise.
    """

    decision_id: str
    at_ms: int
    tenant: str = ""
    caller: str = ""
    request_id: str = ""
    session_id: str = ""
    previous_route: str = ""
    route: str
    outcome: Outcome
    action: Action
    reasons: tuple[Reason, ...]
    confidence: float
    similarity: float
    threshold: float
    calibration: CalibrationMethod
    stage: Stage
    candidates: tuple[CandidateRecord, ...] = ()
    fallback_route: str = ""
    models: tuple[str, ...] = ()
    index_version: str
    encoder_fingerprint: str
    timings: TimingsRecord = TimingsRecord()
    allowed_routes: tuple[str, ...] = ()
    rejected_routes: tuple[str, ...] = ()
    rejected_decision: str = ""
    rejection_reason: str = ""
    text: str | None = None
    text_redacted: bool = False
    flags: tuple[FlagRecord, ...] | None = ()
    plan: tuple[StepRecord, ...] | None = ()
    metadata: Mapping[str, str] | None = None
    consultation_usd: float | None = 0.0
    excluded_models: tuple[ExcludedRecord, ...] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """What is kept of one report.

    Attributes:
        report: what was said.
        caller: the name of the token of who said it; empty for somebody without one.
        at_ms: when, in milliseconds since 1970 by the server's clock.
    """

    report: OutcomeReport
    caller: str
    at_ms: int


Record = DecisionRecord | OutcomeRecord


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision with what became of it.

    Attributes:
        decision: the decision; None where only reports of it were kept.
        outcomes: what was reported, in the order of its time; a repeated report counts once.
    """

    decision: DecisionRecord | None
    outcomes: tuple[OutcomeRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which decisions are wanted.

    Attributes:
        since_ms: the first time, in milliseconds since 1970; None from the beginning on.
        until_ms: the time before which; None to the end.
        route: where they went; None for anywhere.
        tenant: on whose behalf; None for anybody's.
        outcome: what was decided; None for anything.
        request_id: the caller's own id of the request; None for any.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    route: str | None = None
    tenant: str | None = None
    outcome: Outcome | None = None
    request_id: str | None = None


class DecisionLog(Protocol):
    """Keeps decisions and reports; used by several threads and processes at a time.

    Every method raises DecisionLogError when the log cannot be used, now or at all.
    """

    def append(self, records: Sequence[Record]) -> None:
        """Keeps all of them, on disk when it returns, or none.

        What is kept already is not kept twice: a batch may be given again. A report may come before
        its decision.

        Raises:
            RefusedRecordError: one of them can never be kept.
        """

    def find(self, decision_id: str) -> LoggedDecision | None:
        """A decision with its outcomes; None where nothing of it was kept."""

    def count(self, wanted: LogFilter) -> int:
        """How many decisions are wanted."""

    def between(self, wanted: LogFilter) -> Iterator[LoggedDecision]:
        """The wanted decisions, the oldest first, in bounded memory."""

    def last(self, wanted: LogFilter, count: int) -> Sequence[LoggedDecision]:
        """The last `count` wanted decisions, the oldest first."""

    def claim_sweep(self, now_ms: int, every_ms: int) -> int | None:
        """Asks to be the one who deletes what is too old.

        Args:
            now_ms: this process's clock, in milliseconds since 1970.
            every_ms: how long a sweep keeps the others from the next one.

        Returns:
            The time from which age is to be counted, in milliseconds since 1970; None when another
            process sweeps, or has swept not long ago.
        """

    def delete_before(self, time_ms: int, *, limit: int) -> int:
        """Deletes decisions and reports from before a time; says how many.

        Args:
            time_ms: in milliseconds since 1970.
            limit: decisions, and reports, to delete at most.
        """

    def size_bytes(self) -> int:
        """What it takes on disk now, with all that is needed to find something in it."""
