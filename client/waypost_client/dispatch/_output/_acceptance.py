"""Whether an answer may go out: guard, checks, judge, validators, in this order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from waypost_client import AttemptRole, Judge, Model, OutputChecks, Pattern
from waypost_client.dispatch._call import Aim
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._checks import compile_checks
from waypost_client.dispatch._output._escalation import escalation_in
from waypost_client.dispatch._output._guard import Finding, apply
from waypost_client.dispatch._output._judging import score_of, score_request
from waypost_client.dispatch._output._validators import Draft, Validator, run_validators
from waypost_client.dispatch._providers._provider import Finish, Reply

LONG = 10_000
"""Characters from which on guard and checks may take longer than a thread's start."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that may go out, as it may go out."""

    text: str
    findings: tuple[Finding, ...] = ()


class SoftFailureError(ModelError):
    """An answer that only a judge or its model's own doubt speaks against."""

    def __init__(self, accepted: Accepted, message: str) -> None:
        super().__init__(FailureKind.FAILED_CHECK, message)
        self.accepted = accepted


class Acceptance:
    """Looks at whole answers."""

    def __init__(self, caller: ModelCaller, validators: Sequence[Validator]) -> None:
        self._caller = caller
        self._validators = tuple(validators)
        self._compiled: set[OutputChecks] = set()

    async def ready_for(self, case: Case) -> None:
        """Compiles the policy's checks, the first time beside the event loop: it takes 0.2 s.

        Raises:
            PolicyError: they cannot be carried out.
        """
        checks = case.ref.policy.checks
        if checks not in self._compiled:
            await asyncio.to_thread(compile_checks, checks)
            self._compiled.add(checks)

    def needs_whole(self, case: Case) -> bool:
        """Whether nothing of an answer may be shown before all of it is there."""
        return bool(self._validators) or compile_checks(case.ref.policy.checks).needs_whole

    async def look_at(self, reply: Reply, case: Case, ledger: Ledger) -> Accepted:
        """The answer as it may go out.

        Raises:
            SoftFailureError: it may go out if there is no better one.
            ModelError: it may not: ESCALATED, BLOCKED_BY_GUARD or FAILED_CHECK.
        """
        refuse_escalation(reply, case)
        checks = compile_checks(case.ref.policy.checks)
        cleaned, guard = checks.clean(reply.text), case.ref.policy.guard
        guarded = await _looked_at(cleaned, partial(apply, guard, cleaned, case.guard_context))
        if guarded.blocked:
            raise blocked_by(guarded.findings)
        accepted = Accepted(guarded.text, guarded.findings)
        if not accepted.text.strip():
            raise empty()
        if problem := await _looked_at(accepted.text, partial(checks.hard_problem, accepted.text)):
            raise ModelError(FailureKind.FAILED_CHECK, problem)
        if case.contract:
            draft = Draft(text=accepted.text, query=case.query, contract=case.contract)
            if problem := await run_validators(self._validators, draft):
                raise ModelError(FailureKind.BLOCKED_BY_GUARD, problem)
        problem = (
            _problem_of_length(reply, case)
            or checks.soft_problem(reply.confidence)
            or await self._problem_of_judge(accepted.text, case, ledger)
        )
        if problem:
            raise SoftFailureError(accepted, problem)
        return accepted

    async def _problem_of_judge(self, text: str, case: Case, ledger: Ledger) -> str | None:
        judge = case.ref.policy.checks.judge
        if judge is None or case.ref.policy.picks_by_judge:
            return None
        model = judge_model(case, judge)
        if model is None:
            return f"the judge, {judge.model}, may not be called"
        request = score_request(judge, model, case.query, text)
        aim = judging(case, ledger)
        try:
            made = await self._caller.call(request, ledger, aim)
        except ModelError as error:
            return f"the judge, {judge.model}, failed: {error.kind}"
        ledger.attempts.append(made.attempt)
        score = score_of(made.reply.text)
        if score is None:
            return f"the judge, {judge.model}, gave no score"
        if score < judge.min_score:
            return (
                f"the judge, {judge.model}, gave it {score:.2f}, and it needs {judge.min_score:.2f}"
            )
        return None


def judging(case: Case, ledger: Ledger) -> Aim:
    """A judge may take half of the time: the answer that it judges must still get out."""
    return Aim(route=case.route, role=AttemptRole.JUDGE, limit_s=case.limit_s(ledger, 2))


def judge_model(case: Case, judge: Judge) -> Model | None:
    """The judge as a model; None when it may not be called now."""
    return next(
        (m for m in (*case.ref.helper_models, *case.ref.models) if m.name == judge.model), None
    )


async def _looked_at(text: str, look: Callable[[], T]) -> T:
    """What a look at an answer finds; at a long one, beside the event loop."""
    return look() if len(text) < LONG else await asyncio.to_thread(look)


def _problem_of_length(reply: Reply, case: Case) -> str | None:
    """In a cascade, an answer that was cut short sends the query up."""
    is_cascade = case.ref.policy.pattern is Pattern.CASCADE
    return "it was cut short" if is_cascade and reply.finish is Finish.LENGTH else None


def refuse_escalation(reply: Reply, case: Case) -> None:
    """Raises ModelError when the specialist says that the query is not its own."""
    reason = reply.escalation if reply.escalation is not None else escalation_in(reply.text)
    if reason is not None:
        raise escalated(reason, case)


def escalated(reason: str, case: Case) -> ModelError:
    """The specialist says that the query is not its own; its reason must pass the guard, too."""
    shown = apply(case.ref.policy.guard, reason, case.guard_context).text
    return ModelError(FailureKind.ESCALATED, shown or "no reason was given")


def empty() -> ModelError:
    """The model said nothing."""
    return ModelError(FailureKind.FAILED_CHECK, "the answer is empty")


def blocked_by(findings: Sequence[Finding]) -> ModelError:
    """The guard lets an answer not pass."""
    kinds = ", ".join(sorted({finding.detector for finding in findings}))
    return ModelError(
        FailureKind.BLOCKED_BY_GUARD, f"the answer holds what must not leave: {kinds}"
    )
