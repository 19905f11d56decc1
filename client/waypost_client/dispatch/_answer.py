"""What a query ends with."""

from dataclasses import dataclass, field
from enum import StrEnum

import grpc

from waypost_client import Contract, DeadlineExceededError, WaypostError
from waypost_client.dispatch._ledger import Attempt
from waypost_client.dispatch._output._guard import Finding


class Ended(StrEnum):
    """Why a query ended with an answer."""

    ANSWERED = "answered"
    """A specialist answered."""
    BEST_EFFORT = "best_effort"
    """No model's answer passed all checks; this is the last that passed those of its form."""
    CUT_SHORT = "cut_short"
    """A specialist answered, and its model ran into its limit of tokens."""
    CLARIFY = "clarify"
    """The router cannot tell two routes apart: the text is a question for the user."""
    REFUSED = "refused"
    """The router refused the query: there is no text."""
    INCOMPLETE = "incomplete"
    """Steps of a plan failed; the text is that of the others, and `steps` says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """What became of one step of a plan.

    Attributes:
        step: its number, from 1.
        route: the route whose specialist answered, or was to answer.
        query: the part of the user's words that it is.
        text: the answer; empty when there is none.
        model: the model that answered; empty when none did.
        error: why there is no answer, in a sentence; empty with one.
    """

    step: int
    route: str
    query: str
    text: str = ""
    model: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A specialist's answer, and how it came to be.

    Attributes:
        text: what to show the user; of a plan, the answers of its steps in order.
        ended: why it ended so.
        route: the route whose specialist answered; the contract's, or where it fell back to; of a
            plan, that of the last step that was answered.
        model: the model that answered, by its name in the fleet; empty when none was called.
        contract: the router's last decision.
        contracts: all its decisions, in order: the first, and one for each rerouting.
        attempts: every call of a model, in order of their ends.
        findings: what the output guard found and let pass or redacted.
        steps: of a plan, what became of each step, in order.
        latency_s: from the query's arrival to its end, in seconds.
    """

    text: str
    ended: Ended
    route: str
    model: str
    contract: Contract = field(repr=False)
    contracts: tuple[Contract, ...] = field(repr=False)
    attempts: tuple[Attempt, ...]
    findings: tuple[Finding, ...] = ()
    steps: tuple[StepAnswer, ...] = ()
    latency_s: float = field(default=0.0, compare=False)

    @property
    def cost_usd(self) -> float:
        """What all calls cost, in US dollars, as far as it is known."""
        return sum(attempt.cost_usd for attempt in self.attempts)


class DispatchError(WaypostError):
    """A query ended without an answer.

    Attributes:
        contracts: the router's decisions, in order; may be none.
        attempts: every call of a model, in order of their ends.
    """

    status = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        details: str,
        *,
        contracts: tuple[Contract, ...] = (),
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(self.status, details)
        self.contracts = contracts
        self.attempts = attempts


class NoAnswerError(DispatchError):
    """Every model that may answer failed, or none may be called.

    Attributes:
        problems: why, a line for each model and each route that has none.
    """

    status = grpc.StatusCode.UNAVAILABLE

    def __init__(
        self,
        details: str,
        *,
        problems: tuple[str, ...] = (),
        contracts: tuple[Contract, ...] = (),
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(details, contracts=contracts, attempts=attempts)
        self.problems = problems


class RejectedError(DispatchError):
    """Every specialist that was asked said that the query is not its own."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class BlockedError(DispatchError):
    """The output guard or a validator let no answer pass."""

    status = grpc.StatusCode.PERMISSION_DENIED


class BrokenStreamError(DispatchError):
    """A stream ended early, when its beginning had been shown already."""

    status = grpc.StatusCode.ABORTED


class AnswerTooLateError(DispatchError, DeadlineExceededError):
    """The answer did not come in time."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
