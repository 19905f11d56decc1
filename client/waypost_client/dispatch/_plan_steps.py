"""Asks the specialists of a plan's steps."""

from waypost_client import Contract, PlanStep, SpecialistRef, WaypostError
from waypost_client.dispatch._asking import Done, EscalatedError, NobodyAnsweredError, OneModel
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._checks import PolicyError
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._parallel import ask_by_policy
from waypost_client.dispatch._prompt import prompt_for
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._router import Prompts
from waypost_client.dispatch._specialists import without_excluded


class StepSpecialists:
    """Asks by each specialist's own policy, and where nobody answers, the fallback route's."""

    def __init__(
        self,
        one: OneModel,
        caller: ModelCaller,
        specialists: Prompts,
        contract: Contract,
        question: Question,
    ) -> None:
        self._one = one
        self._caller = caller
        self._specialists = specialists
        self._contract = contract
        self._question = question

    async def ask(
        self, step: PlanStep, words: str, ledger: Ledger, sink: Sink | None
    ) -> tuple[Done, str]:
        """The answer to a step, and the route that gave it.

        Raises:
            EscalatedError: its specialist rejects it, and nobody else answers.
            NobodyAnsweredError: no model answers.
            BrokenError: one failed after its beginning had been shown.
        """
        try:
            return await self._answer(step, step.specialist, words, ledger, sink), step.route
        except (EscalatedError, NobodyAnsweredError) as problem:
            route = self._contract.fallback_route
            final = isinstance(problem, NobodyAnsweredError) and problem.is_final
            if not route or route == step.route or final or ledger.calls_left <= 0:
                raise
            try:
                fallback = await self._specialists.specialist(route)
                ref = without_excluded(fallback.ref, self._contract)
                done = await self._answer(step, ref, words, ledger, sink, route=route)
            except (EscalatedError, NobodyAnsweredError, WaypostError):
                raise problem from None
            return done, route

    async def _answer(
        self,
        step: PlanStep,
        ref: SpecialistRef,
        words: str,
        ledger: Ledger,
        sink: Sink | None,
        *,
        route: str = "",
    ) -> Done:
        """`route` is another route than the step's own, whose parameters are not for it."""
        try:
            system = await self._specialists.prompt(route or step.route, ref.prompt_sha256)
        except WaypostError as error:
            why = f"its prompt cannot be had ({error})"
            raise NobodyAnsweredError(route or step.route, [], why) from None
        case = Case(
            query=words,
            dialogue=self._question.dialogue,
            route=route or step.route,
            ref=ref,
            system=system,
            prompt=prompt_for(
                static=system,
                prompt_sha256=ref.prompt_sha256,
                params={} if route else step.extracted_params,
                dialogue=self._question.dialogue.messages,
                query=words,
            ),
            contract=self._contract,
        )
        try:
            await self._one.ready_for(case)
            return await ask_by_policy(self._one, self._caller, case, ledger, sink)
        except PolicyError as error:
            why = f"its policy cannot be carried out: {error}"
            raise NobodyAnsweredError(case.route, [], why) from None
