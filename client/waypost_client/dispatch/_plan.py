"""Runs a plan: each step once those that it waits for have answered, the others beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from waypost_client import Contract, PlanStep
from waypost_client.dispatch._answer import StepAnswer
from waypost_client.dispatch._asking import Done, EscalatedError, NobodyAnsweredError
from waypost_client.dispatch._ledger import MAX_CALLS, Ledger
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._plan_prompt import Output, step_prompt

MAX_PLAN_CALLS = 2 * MAX_CALLS
"""Calls of models for one plan: its steps share them alike, so that none takes those of another.

So many steps at most, too: each may make one call. Our router plans six.
"""

BETWEEN = "\n\n"
"""Stands between the answers of two steps."""

Problem = EscalatedError | NobodyAnsweredError

AskStep = Callable[[PlanStep, str, Ledger, Sink | None], Awaitable[tuple[Done, str]]]
"""Asks the specialist of a step these words: its answer, and the route that gave it.

Raises EscalatedError, NobodyAnsweredError, or BrokenError once some of it was shown.
"""


@dataclass(slots=True)
class _Step:
    """A step on its way.

    Attributes:
        plan: what the router says of it.
        answer: once it has ended.
        problem: why it failed.
        ended: set once it has answered, failed or been skipped.
        shown: set once the user has seen all that will be shown of it.
    """

    plan: PlanStep
    answer: StepAnswer
    ended: asyncio.Event
    shown: asyncio.Event
    done: Done | None = None
    problem: Problem | None = None


class PlanRun:
    """One plan on its way."""

    def __init__(
        self, contract: Contract, message: str, ledger: Ledger, sink: Sink | None, ask: AskStep
    ) -> None:
        """Takes what all steps share.

        Args:
            contract: has the plan.
            message: the user's words.
            ledger: of the query; each step has a share of its calls.
            sink: takes what the user sees; None for nobody.
            ask: asks a specialist.
        """
        self._message = message
        self._ledger = ledger
        self._sink = sink
        self._ask = ask
        self._has_shown = False
        self._steps = {
            step.step: _Step(
                step,
                StepAnswer(step=step.step, route=step.route, query=step.text),
                asyncio.Event(),
                asyncio.Event(),
            )
            for step in contract.plan
        }

    @property
    def answers(self) -> tuple[StepAnswer, ...]:
        """What became of each step, in order."""
        return tuple(step.answer for step in self._steps.values())

    @property
    def done(self) -> list[Done]:
        """Of the steps that were answered, in order."""
        return [step.done for step in self._steps.values() if step.done]

    @property
    def problems(self) -> list[Problem]:
        """Of the steps that failed, in order; not of those that were skipped for it."""
        return [step.problem for step in self._steps.values() if step.problem]

    async def run(self) -> None:
        """Runs all steps; raises BrokenError when what was being shown of one breaks."""
        tasks = [asyncio.create_task(self._run(step)) for step in self._steps.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, step: _Step) -> None:
        # A number that does not come before is no step that can be waited for.
        waits_for = [
            self._steps[number]
            for number in dict.fromkeys(step.plan.depends_on)
            if number in self._steps and number < step.plan.step
        ]
        for other in waits_for:
            await other.ended.wait()
        missing = [other for other in waits_for if other.done is None]
        text = ""
        if missing:
            numbers = ", ".join(str(other.plan.step) for other in missing)
            step.answer = replace(step.answer, error=f"not begun, since step {numbers} failed")
        else:
            text = await self._asked(step, waits_for)
        step.ended.set()
        await self._turn(step)
        if text:
            await self._show(text)
        step.shown.set()

    async def _asked(self, step: _Step, waits_for: list[_Step]) -> str:
        """Asks; what is still to be shown of the answer then."""
        words = step_prompt(
            step.plan.text,
            step=step.plan.step,
            count=len(self._steps),
            message=self._message,
            outputs=[Output(one.plan.step, one.plan.text, one.answer.text) for one in waits_for],
        )
        # Beside another step it is kept until all before it has been shown.
        live = self._sink is not None and self._is_next(step)
        try:
            done, route = await self._ask(
                step.plan, words, self._share(step), self._show_live() if live else None
            )
        except (EscalatedError, NobodyAnsweredError) as problem:
            step.problem = problem
            step.answer = replace(step.answer, error=str(problem))
            return ""
        step.done = done
        step.answer = replace(step.answer, route=route, model=done.model, text=done.accepted.text)
        return "" if live else done.accepted.text

    def _share(self, step: _Step) -> Ledger:
        """The step's own bounds, in the query's account."""
        ref, own = step.plan.specialist, self._ledger
        total_s = ref.timeouts.total_ms / 1000
        return replace(
            own,
            deadline=min(own.deadline, own.clock() + total_s) if total_s else own.deadline,
            max_calls=min(
                ref.policy.max_calls or MAX_CALLS, max(1, MAX_PLAN_CALLS // len(self._steps))
            ),
            calls=0,
        )

    def _before(self, step: _Step) -> list[_Step]:
        return [one for one in self._steps.values() if one.plan.step < step.plan.step]

    def _is_next(self, step: _Step) -> bool:
        return all(other.shown.is_set() for other in self._before(step))

    async def _turn(self, step: _Step) -> None:
        for other in self._before(step):
            await other.shown.wait()

    def _show_live(self) -> Sink:
        begun = False

        async def show(piece: str) -> None:
            nonlocal begun
            if begun and self._sink:
                await self._sink(piece)
            elif not begun:
                begun = True
                await self._show(piece)

        return show

    async def _show(self, text: str) -> None:
        if self._sink:
            if self._has_shown:
                await self._sink(BETWEEN)
            self._has_shown = True
            await self._sink(text)
