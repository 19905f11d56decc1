"""How a query ends: an answer, or one clear error."""

from typing import TypedDict

from waypost_client import Action, Contract
from waypost_client.dispatch._answer import (
    Answer,
    AnswerTooLateError,
    BlockedError,
    BrokenStreamError,
    DispatchError,
    Ended,
    NoAnswerError,
    RejectedError,
)
from waypost_client.dispatch._asking import (
    BrokenError,
    Done,
    EscalatedError,
    NobodyAnsweredError,
)
from waypost_client.dispatch._decisions import Decisions
from waypost_client.dispatch._ledger import Attempt, Ledger
from waypost_client.dispatch._plan import BETWEEN, PlanRun

Problem = EscalatedError | NobodyAnsweredError
"""Why a specialist did not answer."""


class _Account(TypedDict):
    """What every end is told."""

    contracts: tuple[Contract, ...]
    attempts: tuple[Attempt, ...]


class Ends:
    """Makes the end of one query, with its account."""

    def __init__(self, decisions: Decisions, ledger: Ledger) -> None:
        self._decisions = decisions
        self._ledger = ledger

    def answered(self, done: Done, route: str) -> Answer:
        """The specialist of `route` answered."""
        return Answer(
            text=done.accepted.text,
            ended=_ended(done),
            route=route,
            model=done.model,
            contract=self._decisions.all[-1],
            findings=done.accepted.findings,
            latency_s=self._ledger.clock() - self._ledger.arrived,
            **self._account(),
        )

    def planned(self, plan: PlanRun) -> Answer:
        """Steps of a plan were answered, at least one."""
        answered = [step for step in plan.answers if not step.error]
        ends = [_ended(done) for done in plan.done]
        worst = next((end for end in (Ended.BEST_EFFORT, Ended.CUT_SHORT) if end in ends), ends[0])
        return Answer(
            text=BETWEEN.join(step.text for step in answered),
            ended=worst if len(answered) == len(plan.answers) else Ended.INCOMPLETE,
            route=answered[-1].route,
            model=answered[-1].model,
            contract=self._decisions.all[-1],
            findings=tuple(one for done in plan.done for one in done.accepted.findings),
            steps=plan.answers,
            latency_s=self._ledger.clock() - self._ledger.arrived,
            **self._account(),
        )

    def without_specialist(self, contract: Contract) -> Answer:
        """The router has a question for the user, or refused the query."""
        clarify = contract.action is Action.CLARIFY
        return Answer(
            text=contract.clarifying_question if clarify else "",
            ended=Ended.CLARIFY if clarify else Ended.REFUSED,
            route=contract.route,
            model="",
            contract=contract,
            latency_s=self._ledger.clock() - self._ledger.arrived,
            **self._account(),
        )

    def failed(self, problems: list[Problem]) -> DispatchError:
        """Nobody answered, of all who were asked in turn."""
        text = "; then ".join(map(str, problems))
        if self._ledger.time_left_s <= 0:
            return self.too_late(text)
        failed = [each for each in problems if isinstance(each, NobodyAnsweredError)]
        if not failed:
            return RejectedError(f"every specialist rejects the query: {text}", **self._account())
        if all(each.all_blocked for each in failed):
            return BlockedError(f"no answer may go out: {text}", **self._account())
        each_of = [
            line
            for each in problems
            for line in (each.lines if isinstance(each, NobodyAnsweredError) else (str(each),))
        ]
        return NoAnswerError(
            f"no model answered: {text}", problems=tuple(each_of), **self._account()
        )

    def rejected(self, routes: list[str]) -> RejectedError:
        """The router has nobody but those who rejected the query."""
        text = f"every specialist rejects the query: {', '.join(routes)}"
        return RejectedError(text, **self._account())

    def too_late(self, why: str) -> AnswerTooLateError:
        """The time is over."""
        return AnswerTooLateError(f"no answer in time: {why}", **self._account())

    def broken(self, error: BrokenError) -> BrokenStreamError:
        """A stream ended early."""
        return BrokenStreamError(str(error), **self._account())

    def _account(self) -> _Account:
        return {"contracts": self._decisions.all, "attempts": tuple(self._ledger.attempts)}


def _ended(done: Done) -> Ended:
    if not done.passed:
        return Ended.BEST_EFFORT
    return Ended.CUT_SHORT if done.cut_short else Ended.ANSWERED
