"""One call of a model under way: what it is for, what it has come to, and what that says."""

import logging
from dataclasses import dataclass

from waypost_client import AttemptRole, Model
from waypost_client.dispatch._breaker import CircuitBreaker, Permit
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._ledger import Attempt, Ledger
from waypost_client.dispatch._providers._prices import cost_usd
from waypost_client.dispatch._providers._provider import Reply

_log = logging.getLogger(__name__)


HASTE_S = 0.5
"""A call that had less time than this and did not end says nothing of its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a call is for and what it may take.

    Attributes:
        route: the route whose specialist answers.
        role: what for.
        limit_s: how long it may take, retries included, in seconds.
        first_token_s: how long the first piece may take; None for as long as the call.
        others: whether another model could answer instead.
        idempotent: whether a call that may have begun may be made again.
    """

    route: str
    role: AttemptRole
    limit_s: float
    first_token_s: float | None = None
    others: bool = False
    idempotent: bool = True


@dataclass(slots=True)
class Call:
    """A call under way: `first_token_s` is None until there is one."""

    model: Model
    aim: Aim
    ledger: Ledger
    breaker: CircuitBreaker
    started: float
    ends: float
    first_token_s: float | None = None
    reader_s: float = 0.0
    awaits_reader: bool = False
    was_made: bool = False

    @property
    def took_s(self) -> float:
        """Seconds so far, without those of whoever reads the stream."""
        return self.ledger.clock() - self.started - self.reader_s

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        waits_for_first = self.aim.first_token_s is not None and self.first_token_s is None
        return "first token" if waits_for_first else "answer"

    def too_late(self) -> ModelError:
        """Why a call took longer than it may."""
        if self.awaits_reader:
            return ModelError(FailureKind.CANCELLED, "whoever reads its answer is too slow")
        return ModelError(FailureKind.TIMEOUT, f"no {self.awaited} within {self.took_s:.1f} s")

    def ended_by_caller(self) -> ModelError:
        """Why a call was cancelled."""
        if self.ledger.time_left_s <= 0 and not self.awaits_reader:
            return ModelError(FailureKind.TIMEOUT, "the query's time was over")
        return ModelError(FailureKind.CANCELLED, "its answer was not wanted any more")

    def admitted(self) -> Permit:
        """Leave to call the model; raises ModelError when its breaker gives none."""
        permit = self.breaker.admit()
        if permit is None:
            raise ModelError(
                FailureKind.BREAKER_OPEN,
                f"it failed too often; it is tried again in {self.breaker.open_for_s:.1f} s",
            )
        return permit

    def settle(self, permit: Permit, error: ModelError | None = None) -> None:
        """Tells the breaker how the call ended, and the log when that opens or closes it."""
        was_open = self.breaker.is_open
        self.breaker.settle(permit, well=True if error is None else self._says_of(error))
        if error and self.breaker.is_open and (permit.probe or not was_open):
            _log.warning(
                "model %s is left alone for %.1f s: %s",
                self.model.name,
                self.breaker.open_for_s,
                error,
            )
        elif was_open and not self.breaker.is_open:
            _log.info("model %s answers again", self.model.name)

    def _says_of(self, error: ModelError) -> bool | None:
        """Whether the model is well after this error; None for no way to tell."""
        if error.kind is FailureKind.CANCELLED:
            return None
        hasty = error.kind is FailureKind.TIMEOUT and self.took_s < HASTE_S
        return None if hasty and self.aim.first_token_s is None else not error.consequence.counts

    def failed(self, error: ModelError) -> ModelError:
        """The error, once the ledger has its line."""
        self.ledger.attempts.append(self.line(error))
        return error

    def line(self, error: ModelError | None = None, reply: Reply | None = None) -> Attempt:
        """What the ledger says of it."""
        usage = reply.usage if reply else None
        return Attempt(
            model=self.model.name,
            route=self.aim.route,
            role=self.aim.role,
            started_s=self.started - self.ledger.arrived,
            latency_s=self.took_s,
            first_token_s=self.first_token_s,
            usage=usage,
            cost_usd=cost_usd(self.model, usage),
            error=error.kind if error else None,
            why=str(error) if error else "",
            breaker_open_s=self.breaker.open_for_s,
            was_made=self.was_made,
        )
