"""What can go wrong with a call of a model, and what follows: one table."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What went wrong; the word that attempts and reports carry."""

    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    CUT = "cut"
    MALFORMED = "malformed"
    CONTENT_FILTER = "content_filter"
    CONTEXT_OVERFLOW = "context_overflow"
    BAD_REQUEST = "bad_request"
    NOT_AUTHORISED = "not_authorised"
    BROKEN = "broken"
    FAILED_CHECK = "failed_check"
    BLOCKED_BY_GUARD = "blocked_by_guard"
    ESCALATED = "escalated"
    BREAKER_OPEN = "breaker_open"
    CALL_LIMIT = "call_limit"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from a failure.

    Attributes:
        retry: whether the same call may succeed in a moment.
        counts: whether it says that the model is not well, so that its breaker counts it.
        began: whether the model may have begun to act, so that a step with effects is not repeated.
        ours: whether it may be this client's own fault, so that others need not hear of it.
    """

    retry: bool
    counts: bool
    began: bool
    ours: bool = False


CONSEQUENCES: dict[FailureKind, Consequence] = {
    FailureKind.RATE_LIMITED: Consequence(retry=True, counts=True, began=False),
    FailureKind.TIMEOUT: Consequence(retry=False, counts=True, began=True),
    FailureKind.SERVER_ERROR: Consequence(retry=True, counts=True, began=True),
    FailureKind.UNREACHABLE: Consequence(retry=True, counts=True, began=False),
    FailureKind.CUT: Consequence(retry=True, counts=True, began=True),
    FailureKind.MALFORMED: Consequence(retry=True, counts=True, began=True),
    FailureKind.CONTENT_FILTER: Consequence(retry=False, counts=False, began=True),
    FailureKind.CONTEXT_OVERFLOW: Consequence(retry=False, counts=False, began=False),
    FailureKind.BAD_REQUEST: Consequence(retry=False, counts=False, began=False),
    FailureKind.NOT_AUTHORISED: Consequence(retry=False, counts=True, began=False, ours=True),
    # An in-process callable raised what it should not.
    FailureKind.BROKEN: Consequence(retry=False, counts=True, began=True, ours=True),
    # The answer is there and does not do; the model is well.
    FailureKind.FAILED_CHECK: Consequence(retry=False, counts=False, began=True),
    FailureKind.BLOCKED_BY_GUARD: Consequence(retry=False, counts=False, began=True),
    FailureKind.ESCALATED: Consequence(retry=False, counts=False, began=True),
    # No call was made at all.
    FailureKind.BREAKER_OPEN: Consequence(retry=False, counts=False, began=False),
    FailureKind.CALL_LIMIT: Consequence(retry=False, counts=False, began=False),
    FailureKind.CANCELLED: Consequence(retry=False, counts=False, began=True),
}


class ModelError(Exception):
    """A call of a model failed.

    Attributes:
        kind: what went wrong.
        retry_after_s: how long the provider asked to wait; None when it did not say.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s

    @property
    def consequence(self) -> Consequence:
        """What follows."""
        return CONSEQUENCES[self.kind]
