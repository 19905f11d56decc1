"""A head start: the generalist begins while the router decides, and stops if it disagrees."""

import asyncio

from waypost_client import AttemptRole, Model
from waypost_client.dispatch._asking import BrokenError, Done, OneModel, in_order
from waypost_client.dispatch._case import Case, case_of
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._failures import ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._checks import PolicyError
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._survey import Survey


class HeadStart:
    """The first model of a specialist at work, its pieces kept until it is known who wants them."""

    def __init__(self, one: OneModel, case: Case, ledger: Ledger) -> None:
        """Begins at once; the specialist must have a model."""
        self.case = case
        self.model: Model = in_order(case)[0]
        self._kept: list[str] = []
        self._sink: Sink | None = None
        self._task = asyncio.create_task(
            one.ask(
                case,
                self.model,
                ledger,
                self._take,
                models_left=len(case.ref.models),
                role=AttemptRole.SPECULATIVE,
            )
        )

    def fits(self, case: Case) -> bool:
        """Whether it is the very call that this case begins with."""
        ours = self.case
        return (ours.route, ours.prompt, ours.ref, ours.effort) == (
            case.route,
            case.prompt,
            case.ref,
            case.effort,
        )

    async def join(self, sink: Sink) -> Done:
        """Shows what has come so far and what comes, and waits for the end.

        Raises:
            EscalatedError, BrokenError, ModelError: as OneModel.ask.
        """
        if self._task.done():
            try:
                self._task.result()
            except BrokenError as error:
                raise error.error from None  # nobody has seen any of it
        while self._kept:
            await sink(self._kept.pop(0))
        self._sink = sink
        return await self._task

    async def cancel(self) -> None:
        """Ends it; what it would have said is lost."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _take(self, piece: str) -> None:
        if self._sink is None:
            self._kept.append(piece)
        else:
            await self._sink(piece)


class Speculation:
    """The head start of one query, if its generalist's policy gives it one."""

    def __init__(self, survey: Survey | None, one: OneModel, counts: Counts) -> None:
        self._survey = survey
        self._one = one
        self._counts = counts
        self._head_start: HeadStart | None = None

    async def begin(self, question: Question, ledger: Ledger) -> None:
        """Lets the generalist begin, if it may."""
        specialist = self._survey.may_begin if self._survey else None
        if specialist is None:
            return
        case = case_of(
            question.text,
            question.dialogue,
            route=specialist.route,
            ref=specialist.ref,
            system=specialist.prompt or "",
        )
        try:
            await self._one.ready_for(case)
        except PolicyError:
            return  # whoever is led there will hear of it
        if self._one.streams(case):  # else it hides nothing to begin early
            self._head_start = HeadStart(self._one, case, ledger)

    async def settle(
        self, case: Case, ledger: Ledger, sink: Sink | None
    ) -> Done | tuple[str, ModelError] | None:
        """The head start's answer, if it is for this case; else it ends here.

        Returns:
            The answer; or the model that failed, and why; None when there was no such head start.

        Raises:
            EscalatedError, BrokenError: as OneModel.ask.
        """
        head_start = self._head_start
        if head_start is None:
            return None
        fits = sink is not None and head_start.fits(case)
        self._counts.speculations[fits] += 1
        try:
            if fits and sink is not None:
                return await head_start.join(sink)
        except ModelError as error:
            return head_start.model.name, error
        finally:
            await self.cancel()
        ledger.max_calls += 1  # it was in vain, and the route has its calls all the same
        if self._survey and head_start.case.route == case.route:
            self._survey.was_wrong()
        return None

    async def cancel(self) -> None:
        """Ends the head start, if it runs."""
        head_start, self._head_start = self._head_start, None
        if head_start:
            await head_start.cancel()
