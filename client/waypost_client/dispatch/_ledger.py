"""What one query has used up: calls, time, and what became of each call."""

from collections.abc import Callable
from dataclasses import dataclass, field

from waypost_client import AttemptRole, ModelAttempt
from waypost_client.dispatch._failures import CONSEQUENCES, FailureKind
from waypost_client.dispatch._providers._provider import Usage

PATIENT_S = 5.0
"""How long somebody has waited who may tell others that a model does not answer."""

MAX_CALLS = 6
"""Calls of models for one query, unless its policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call of a model, or one that was not made.

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
        was_made: whether anything was sent; not when a key is missing or the breaker is open.
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
    was_made: bool = True

    @property
    def _speaks_for_all(self) -> bool:
        """Whether others should leave the model alone, too; not if we erred or were in a hurry."""
        if self.error is None or CONSEQUENCES[self.error].ours:
            return False
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
            latency_ms=_uint32(self.latency_s * 1000),
            first_token_ms=_uint32((self.first_token_s or 0) * 1000),
            input_tokens=_uint32(self.usage.input_tokens) if self.usage else 0,
            output_tokens=_uint32(self.usage.output_tokens) if self.usage else 0,
            cost_usd=max(0.0, self.cost_usd),
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


def _uint32(value: float) -> int:
    """What the contract carries of a number that a provider, or a function, made up."""
    return round(min(max(value, 0), 2**32 - 1))
