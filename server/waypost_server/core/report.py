"""What a client reports about a decision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.fields import (
    MAX_NOTE_BYTES,
    check_amount,
    check_bytes,
    check_decision_id,
    check_loaded,
)

MAX_ATTEMPTS = 64
MAX_WORD_BYTES = 128


class Role(StrEnum):
    """What a model was called for."""

    ANSWER = "ANSWER"
    JUDGE = "JUDGE"
    SPECULATIVE = "SPECULATIVE"


class Feedback(StrEnum):
    """What a user thought of an answer."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"


class SpecialistOutcome(StrEnum):
    """What a specialist did with a query."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    NOT_CALLED = "NOT_CALLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call of a model.

    Attributes:
        model: its name; a fleet.yaml may have it or not.
        succeeded: whether it answered.
        error_kind: a word for what went wrong; empty for nothing.
        latency_ms: from the call to its end, in milliseconds.
        first_token_ms: from the call to the first token, in milliseconds; 0 for not streamed.
        input_tokens: tokens sent; 0 for unknown.
        output_tokens: tokens received; 0 for unknown.
        cost_usd: in US dollars.
        breaker_open: whether the client calls it no more for now.
        breaker_open_ms: for how long, in milliseconds; 0 where the client does not say.
        route: whose specialist it answered for; empty for the decision's own.
        role: what it was called for.
    """

    model: str
    succeeded: bool = False
    error_kind: str = ""
    latency_ms: int = 0
    first_token_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    breaker_open: bool = False
    breaker_open_ms: int = 0
    route: str = ""
    role: Role = Role.ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """What became of a decision.

    Attributes:
        decision_id: its id.
        outcome: what the specialist did; None when that is not said.
        attempts: every call of a model, in order.
        feedback: what the user thought; None when that is not said.
        correct_route: the route that would have been right; empty for unknown.
        note: for the log.
        route: the decision's route; empty when that is not said.
        answered_by: the route whose specialist answered in the end; empty for the decision's own.
    """

    decision_id: str
    outcome: SpecialistOutcome | None = None
    attempts: Sequence[Attempt] = ()
    feedback: Feedback | None = None
    correct_route: str = ""
    note: str = ""
    route: str = ""
    answered_by: str = ""

    @property
    def is_afterthought(self) -> bool:
        """Whether it tells what people thought, and nothing of what happened."""
        return self.outcome is None and not self.attempts


def check_attempt_count(count: int) -> None:
    """Raises InvalidQueryError when a report has too many attempts to be read at all."""
    if count > MAX_ATTEMPTS:
        raise InvalidQueryError(f"attempts has {count} items; the limit is {MAX_ATTEMPTS}")


def check_report(report: OutcomeReport, *, loaded: Collection[str]) -> None:
    """Raises InvalidQueryError, naming field and limit, unless a report keeps every limit.

    Args:
        report: what was sent.
        loaded: the routes that it may name.
    """
    check_decision_id(report.decision_id)
    check_bytes("note", report.note, MAX_NOTE_BYTES)
    for field in ("correct_route", "route", "answered_by"):
        _check_route(field, getattr(report, field), loaded)
    check_attempt_count(len(report.attempts))
    for i, attempt in enumerate(report.attempts):
        if not attempt.model:
            raise InvalidQueryError(f"attempts[{i}].model is empty; name the model that was called")
        check_bytes(f"attempts[{i}].model", attempt.model, MAX_WORD_BYTES)
        check_bytes(f"attempts[{i}].error_kind", attempt.error_kind, MAX_WORD_BYTES)
        check_amount(f"attempts[{i}].cost_usd", attempt.cost_usd)
        _check_route(f"attempts[{i}].route", attempt.route, loaded)


def _check_route(field: str, route: str, loaded: Collection[str]) -> None:
    if route:
        check_loaded(field, (route,), loaded)
