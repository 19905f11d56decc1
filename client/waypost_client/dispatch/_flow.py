"""A query's way from the caller's words to a specialist's answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from waypost_client import (
    Action,
    Contract,
    DeadlineExceededError,
    SpecialistOutcome,
    SpecialistRef,
    WaypostError,
)
from waypost_client.dispatch._answer import Answer
from waypost_client.dispatch._asking import (
    BrokenError,
    Done,
    EscalatedError,
    NobodyAnsweredError,
    OneModel,
)
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._case import Case, case_of
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._decisions import Decisions
from waypost_client.dispatch._ends import Ends, Problem
from waypost_client.dispatch._failures import FailureKind
from waypost_client.dispatch._ledger import MAX_CALLS, Ledger
from waypost_client.dispatch._output._checks import PolicyError
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._parallel import ask_by_policy
from waypost_client.dispatch._plan import MAX_PLAN_CALLS, PlanRun
from waypost_client.dispatch._plan_steps import StepSpecialists
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._reports import Reporter, fitting
from waypost_client.dispatch._router import Prompts, Rejection, Router
from waypost_client.dispatch._shadow._beside import Beside
from waypost_client.dispatch._specialists import without_excluded
from waypost_client.dispatch._speculation import Speculation
from waypost_client.dispatch._survey import Survey

MAX_REROUTES = 2
"""Times that the router is asked where else a query goes."""

ROUTER_S = 2.0
"""A decision takes milliseconds; seconds mean that something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all queries of a dispatcher share; `survey` is None where nobody waits for an answer."""

    router: Router
    specialists: Prompts
    survey: Survey | None
    caller: ModelCaller
    one: OneModel
    reporter: Reporter
    counts: Counts
    shadow: Callable[[Contract, Question, Ledger], Beside | None] | None = None
    """Lets candidates begin beside a decision."""


class Flow:
    """One query on its way."""

    def __init__(self, desk: Desk, question: Question, ledger: Ledger, sink: Sink | None) -> None:
        self._desk = desk
        self._question = question
        self._ledger = ledger
        self._sink = sink
        self.beside: Beside | None = None
        self._speculation = Speculation(desk.survey, desk.one, desk.counts)
        self._decisions = Decisions(desk.reporter, ledger)
        self._ends = Ends(self._decisions, ledger)

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The router's decisions so far."""
        return self._decisions.all

    async def run(self, tighten: Callable[[float], None]) -> Answer:
        """The answer.

        Args:
            tighten: told the deadline, by the ledger's clock, once a contract brings it forward.

        Raises:
            DispatchError: there is none.
            WaypostError: the router could not decide.
        """
        try:
            return await self._run(tighten)
        finally:
            # However it ends: nobody else would tell the router, or stop the head start.
            try:
                await self._speculation.cancel()
            finally:
                self._decisions.settle(SpecialistOutcome.FAILED, note="it ended without an answer")

    async def _run(self, tighten: Callable[[float], None]) -> Answer:
        contract = await self._decided()
        if self._desk.shadow and not contract.plan:
            self.beside = self._desk.shadow(contract, self._question, self._ledger)
        rejected: list[str] = []
        while True:
            self._decisions.add(contract)
            if self._desk.survey:
                self._desk.survey.saw(contract)
            if contract.action in (Action.CLARIFY, Action.REFUSE):
                return await self._without_specialist(contract)
            if contract.plan:
                return await self._run_plan(contract)
            if contract.route in rejected:
                self._decisions.settle(SpecialistOutcome.NOT_CALLED)
                raise self._ends.rejected(rejected)
            self._apply_limits(contract.specialist, tighten)
            ended = await self._follow(contract, rejected)
            if isinstance(ended, Answer):
                return ended
            contract = ended

    async def _decided(self) -> Contract:
        """The router's first decision."""
        if self._sink:
            await self._speculation.begin(self._question, self._ledger)
        try:
            return await self._desk.router.decide(self._question, timeout_s=self._router_s())
        except DeadlineExceededError as error:
            if self._ledger.time_left_s > 0:
                raise
            raise self._ends.too_late(f"the router has not decided ({error})") from None

    async def _follow(self, contract: Contract, rejected: list[str]) -> Answer | Contract:
        """The answer that a decision leads to, or the router's next decision; else raises."""
        try:
            return await self._try(contract, rejected)
        except BrokenError as error:
            self._decisions.settle(_outcome_of(error, contract, rejected), note=str(error))
            raise self._ends.broken(error) from None

    async def _try(self, contract: Contract, rejected: list[str]) -> Answer | Contract:
        """As `_follow`; raises BrokenError when a stream breaks."""
        try:
            done = await self._ask(contract.route, contract.specialist, contract)
        except EscalatedError as error:
            rejected.append(contract.route)
            self._desk.counts.rejected(contract.route)
            again = await self._reroute(contract, rejected, str(error))
            if again is None:
                return await self._fall_back(contract, rejected, error, SpecialistOutcome.REJECTED)
            self._decisions.settle(SpecialistOutcome.REJECTED, note=str(error))
            return again
        except NobodyAnsweredError as error:
            return await self._fall_back(contract, rejected, error, SpecialistOutcome.FAILED)
        self._decisions.settle(SpecialistOutcome.ACCEPTED)
        return self._ends.answered(done, contract.route)

    async def _without_specialist(self, contract: Contract) -> Answer:
        await self._speculation.cancel()
        self._decisions.settle(SpecialistOutcome.NOT_CALLED)
        answer = self._ends.without_specialist(contract)
        if self._sink and answer.text:
            await self._sink(answer.text)
        return answer

    async def _run_plan(self, contract: Contract) -> Answer:
        """The answers of a plan's steps; raises DispatchError when no step has one."""
        await self._speculation.cancel()
        if len(contract.plan) > MAX_PLAN_CALLS:
            why = f"its plan has {len(contract.plan)} steps, at most {MAX_PLAN_CALLS} are run"
            self._decisions.settle(SpecialistOutcome.NOT_CALLED, note=why)
            raise self._ends.failed([NobodyAnsweredError(contract.route, [], why)])
        specialists = StepSpecialists(
            self._desk.one, self._desk.caller, self._desk.specialists, contract, self._question
        )
        plan = PlanRun(contract, self._question.text, self._ledger, self._sink, specialists.ask)
        try:
            await plan.run()
        except BrokenError as error:
            self._decisions.settle(SpecialistOutcome.FAILED, note=str(error))
            raise self._ends.broken(error) from None
        note = "; ".join(f"step {one.step}: {one.error}" for one in plan.answers if one.error)
        outcome = SpecialistOutcome.FAILED if note else SpecialistOutcome.ACCEPTED
        self._decisions.settle(outcome, note=note)
        if not plan.done:
            raise self._ends.failed(plan.problems) from None
        return self._ends.planned(plan)

    def _apply_limits(self, ref: SpecialistRef, tighten: Callable[[float], None]) -> None:
        """A contract may bring the deadline forward; the first one bounds the calls."""
        if ref.timeouts.total_ms:
            until = self._ledger.arrived + ref.timeouts.total_ms / 1000
            if until < self._ledger.deadline:
                self._ledger.deadline = until
                tighten(until)
        if len(self._decisions.all) == 1:
            self._ledger.max_calls = ref.policy.max_calls or MAX_CALLS

    async def _ask(self, route: str, ref: SpecialistRef, contract: Contract) -> Done:
        """The specialist's answer; raises EscalatedError, BrokenError or NobodyAnsweredError."""
        try:
            system = await self._desk.specialists.prompt(route, ref.prompt_sha256)
        except WaypostError as error:
            raise NobodyAnsweredError(route, [], f"its prompt cannot be had ({error})") from None
        question = self._question
        case = case_of(
            question.text, question.dialogue, route=route, ref=ref, system=system, contract=contract
        )
        try:
            return await self._ask_about(case)
        except PolicyError as error:
            why = f"its policy cannot be carried out: {error}"
            raise NobodyAnsweredError(route, [], why) from None

    async def _ask_about(self, case: Case) -> Done:
        await self._desk.one.ready_for(case)
        early = await self._speculation.settle(case, self._ledger, self._sink)
        if isinstance(early, Done):
            return early
        return await ask_by_policy(
            self._desk.one,
            self._desk.caller,
            case,
            self._ledger,
            self._sink,
            before=[early] if early else [],
        )

    async def _reroute(
        self, contract: Contract, rejected: list[str], reason: str
    ) -> Contract | None:
        """The router's next decision; None when there is none that helps."""
        if len(rejected) > MAX_REROUTES or self._ledger.calls_left <= 0:
            return None
        self._desk.counts.reroutes += 1
        try:
            return await self._desk.router.decide(
                self._question,
                timeout_s=self._router_s(),
                after=Rejection(
                    decision_id=contract.decision_id, routes=rejected, reason=fitting(reason)
                ),
            )
        except WaypostError:
            return None  # the contract has said where to go then

    async def _fall_back(
        self,
        contract: Contract,
        rejected: list[str],
        problem: Problem,
        outcome: SpecialistOutcome,
    ) -> Answer:
        """The answer of the contract's fallback route; raises DispatchError when there is none."""
        route = contract.fallback_route
        problems: list[Problem] = [problem]
        final = isinstance(problem, NobodyAnsweredError) and problem.is_final
        if route and route not in rejected and self._ledger.calls_left > 0 and not final:
            self._desk.counts.fallbacks += 1
            try:
                specialist = await self._desk.specialists.specialist(route)
                ref = without_excluded(specialist.ref, contract)
                done = await self._ask(route, ref, contract)
            except WaypostError as error:
                problems.append(NobodyAnsweredError(route, [], str(error)))
            except EscalatedError as error:
                self._desk.counts.rejected(route)
                problems.append(error)
            except NobodyAnsweredError as error:
                problems.append(error)
            else:
                self._decisions.settle(outcome, answered_by=route, note=str(problem))
                return self._ends.answered(done, route)
        self._decisions.settle(outcome, note=str(problem))
        raise self._ends.failed(problems) from None

    def _router_s(self) -> float:
        return min(ROUTER_S, self._ledger.time_left_s)


def _outcome_of(
    error: BrokenError, contract: Contract, rejected: Sequence[str]
) -> SpecialistOutcome:
    """What the decision's own specialist did, when a stream broke: its own, or a fallback's."""
    escalated = error.error.kind is FailureKind.ESCALATED and error.route == contract.route
    if escalated or contract.route in rejected:
        return SpecialistOutcome.REJECTED
    return SpecialistOutcome.FAILED
