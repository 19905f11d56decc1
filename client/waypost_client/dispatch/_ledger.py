"""What one query has used up: calls, time, and what became of each call."""

from collections.abc import Callable
from dataclasses import dataclass, field

from waypost_client import AttemptRole, ModelAttempt
from waypost_client.dispatch._failures import FailureKind
from waypost_client.dispatch._providers._provider import Usage

PATIENT_S = 5.0
"""How long somebody has waited who may tell others that a model does not answer."""

MAX_CALLS = 6
"""Calls of models for one query, unless its policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call of a model, or one that was not made because the model's breaker was open.

    Attributes:
        model: its name in the fleet.
        route: the route whose specialist it answered for.
        role: what it was called for.
        started_s: when, in seconds since the query arrived.
        latency_s: from the call to its end, in seconds.
        first_token_s: from the call to the first piece, in seconds; None when nothing was streamed.
        usage: tokens; None when the provider did not say.
        cost_usd: in US dollars; 0 for free or unknown.
        error: what went wrong; None for nothing.
        why: in one sentence; empty for nothing.
        breaker_open_s: how long the model's breaker stays open now, in seconds; 0: it is closed.
    """

    model: str
    route: str
    role: AttemptRole
    started_s: float
    latency_s: float
    first_token_s: float | None = None
    usage: Usage | None = None
    cost_usd: float = 0.0
    error: FailureKind | None = None
    why: str = ""
    breaker_open_s: float = 0.0

    @property
    def _speaks_for_all(self) -> bool:
        """Whether others should leave the model alone, too; not if only we were in a hurry."""
        in_a_hurry = self.error is FailureKind.TIMEOUT and self.latency_s < PATIENT_S
        return self.breaker_open_s > 0 and not in_a_hurry

    def for_report(self) -> ModelAttempt:
        """What the router is told of it."""
        return ModelAttempt(
            model=self.model,
            route=self.route,
            role=self.role,
            succeeded=self.error is None,
            error_kind=self.error or "",
            latency_ms=round(self.latency_s * 1000),
            first_token_ms=round((self.first_token_s or 0) * 1000),
            input_tokens=self.usage.input_tokens if self.usage else 0,
            output_tokens=self.usage.output_tokens if self.usage else 0,
            cost_usd=self.cost_usd,
            breaker_open=self._speaks_for_all,
            breaker_open_ms=round(self.breaker_open_s * 1000) if self._speaks_for_all else 0,
        )


@dataclass(slots=True)
class Ledger:
    """One query's account.

    Attributes:
        clock: seconds that never go back; the event loop's.
        arrived: when the query arrived, by the clock.
        deadline: when its caller wants no answer any more, by the clock.
        max_calls: calls of models at most.
        calls: made so far.
        attempts: what became of each.
    """

    clock: Callable[[], float]
    arrived: float
    deadline: float
    max_calls: int = MAX_CALLS
    calls: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def time_left_s(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - self.clock())

    @property
    def calls_left(self) -> int:
        """Calls that may still be made."""
        return self.max_calls - self.calls
