"""What a client reports about a decision. `router.proto` explains each field."""

from dataclasses import dataclass
from enum import StrEnum


class SpecialistOutcome(StrEnum):
    """What the specialist did with the query."""

    UNSPECIFIED = "UNSPECIFIED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    NOT_CALLED = "NOT_CALLED"


class Feedback(StrEnum):
    """What a user thought of an answer."""

    UNSPECIFIED = "UNSPECIFIED"
    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"


class AttemptRole(StrEnum):
    """What a model was called for."""

    UNSPECIFIED = "UNSPECIFIED"
    ANSWER = "ANSWER"
    JUDGE = "JUDGE"
    SPECULATIVE = "SPECULATIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAttempt:
    """One call of a model.

    Attributes:
        model: its name in the fleet.
        route: the route whose specialist it answered for.
        role: what it was called for.
        succeeded: whether it answered.
        error_kind: a word for what went wrong; empty for nothing.
        latency_ms: from the call to its end.
        first_token_ms: from the call to the first token; 0 when it was not streamed.
        input_tokens: tokens sent; 0 for unknown.
        output_tokens: tokens received; 0 for unknown.
        cost_usd: what it cost, in US dollars; 0 for free or unknown.
        breaker_open: whether the client's circuit breaker for the model is open now.
        breaker_open_ms: for how long it stays so.
    """

    model: str
    route: str = ""
    role: AttemptRole = AttemptRole.ANSWER
    succeeded: bool
    error_kind: str = ""
    latency_ms: int = 0
    first_token_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    breaker_open: bool = False
    breaker_open_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a router says to a report.

    Attributes:
        durable: whether it is on disk.
        already_known: whether the router had heard of the decision's outcome before.
    """

    durable: bool
    already_known: bool
