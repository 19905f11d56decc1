"""The dispatcher: a query in, the specialist's answer out."""

import asyncio
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from waypost_client import AsyncClient, Feedback, SpecialistOutcome, Tls
from waypost_client.dispatch._answer import Answer, AnswerTooLateError
from waypost_client.dispatch._asking import OneModel
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._flow import Desk, Flow
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._messages import Dialogue
from waypost_client.dispatch._output._acceptance import Acceptance
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._output._validators import Validator
from waypost_client.dispatch._providers._callable import ModelFunction
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._reports import Reporter
from waypost_client.dispatch._router import ClientsRouter
from waypost_client.dispatch._shadow._shadows import Shadows
from waypost_client.dispatch._spans import answer_span
from waypost_client.dispatch._specialists import Specialists
from waypost_client.dispatch._stream import AnswerStream
from waypost_client.dispatch._survey import Survey
from waypost_client.dispatch._warm_up import WarmUp

TIMEOUT_S = 60.0
"""For a whole answer, unless the caller or the contract wants it sooner."""

FAREWELL_S = 5.0
"""For the last reports."""

NO_DIALOGUE = Dialogue()


class Dispatcher:
    """Asks a router which specialist answers, asks the specialist, and reports how it went.

    How the models of a specialist make an answer is the router's to say: it comes with each
    contract. Use it as an async context manager or call `close`; for one event loop.

        async with Dispatcher("127.0.0.1:50051") as dispatcher:
            answer = await dispatcher.answer("Why does this test fail only in CI?")
            print(answer.text)
    """

    def __init__(
        self,
        router: AsyncClient | str,
        *,
        callables: Mapping[str, ModelFunction] | None = None,
        validators: Sequence[Validator] = (),
        key_names: Collection[str] = (),
        timeout_s: float = TIMEOUT_S,
        shadow_log: Path | None = None,
        shadow_texts: bool = False,
        tls: Tls | None = None,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Connects at the first query; create it inside the event loop that uses it.

        Args:
            router: its address, HOST:PORT, or a client, which stays yours to close.
            callables: functions that stand in for models, by the models' names in the fleet.
            validators: what every answer must pass before it goes out, beside its route's policy.
            key_names: environment variables whose values may be sent to the endpoints that a
                contract names, beside those whose names end in API_KEY.
            timeout_s: how long a whole answer may take, unless the call says otherwise.
            shadow_log: a file that takes a line for each run of a shadow candidate, which
                `waypost shadow report` reads; without it no candidate runs.
            shadow_texts: whether those lines have queries and answers, for people who judge them.
            tls: as for the client; a shadow candidate's own router is called with it too.
            token: as for the client; no other router gets it.
            insecure: as for the client.

        Raises:
            ValueError: the token would travel in the clear, or `router` is a client, which has all
                three by itself.
            OSError: a file of `tls` cannot be read.
        """
        if not isinstance(router, str) and (tls or token or insecure):
            raise ValueError("tls, token and insecure are for an address; a client has its own")
        self._own_router = isinstance(router, str)
        self._router = (
            AsyncClient(router, tls=tls, token=token, insecure=insecure)
            if isinstance(router, str)
            else router
        )
        self._timeout_s = timeout_s
        self._clock = asyncio.get_running_loop().time
        self._counts = Counts()
        self._providers = Providers(callables or {}, key_names=key_names)
        caller = ModelCaller(self._providers, self._counts, clock=self._clock)
        specialists = Specialists(self._router)
        self._warm_up = WarmUp(caller, self._counts, clock=self._clock)
        self._survey = Survey(self._router, specialists, self._warm_up, clock=self._clock)
        self._shadows = Shadows(
            shadow_log,
            router=self._router,
            specialists=specialists,
            providers=self._providers,
            validators=validators,
            counts=self._counts,
            texts=shadow_texts,
            connect=partial(AsyncClient, tls=tls),
        )
        self._desk = Desk(
            router=ClientsRouter(self._router),
            specialists=specialists,
            survey=self._survey,
            caller=caller,
            one=OneModel(caller, Acceptance(caller, validators)),
            reporter=Reporter(self._router, self._counts),
            counts=self._counts,
            shadow=self._shadows.begin,
        )

    @property
    def counts(self) -> Counts:
        """What has happened so far."""
        return self._counts

    async def answer(
        self,
        query: str,
        *,
        conversation: Dialogue = NO_DIALOGUE,
        request_id: str = "",
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> Answer:
        """The specialist's answer.

        Args:
            query: the user's words.
            conversation: what was said before.
            request_id: your own id, for the logs.
            tenant: on whose behalf.
            metadata: facts that the router's rules may use.
            allowed_routes: routes that may be chosen; empty for all.
            timeout_s: how long it may take, in seconds.

        Raises:
            DispatchError: there is no answer; it names every call that was made.
            WaypostError: the router could not decide.
        """
        question = Question(
            text=query,
            dialogue=conversation,
            request_id=request_id,
            tenant=tenant,
            metadata=metadata or {},
            allowed_routes=tuple(allowed_routes),
        )
        return await self._run(question, None, timeout_s)

    def stream(
        self,
        query: str,
        *,
        conversation: Dialogue = NO_DIALOGUE,
        request_id: str = "",
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> AnswerStream:
        """The answer piece by piece, and then as `answer` gives it.

            async with dispatcher.stream("...") as pieces:
                async for piece in pieces:
                    print(piece, end="")
            print(pieces.answer.route)

        Where the route's policy has checks, or validators are set, or several models race, all of
        it comes in one piece, since nothing may be shown before it has passed.

        Args:
            query: as for `answer`.
            conversation: as for `answer`.
            request_id: as for `answer`.
            tenant: as for `answer`.
            metadata: as for `answer`.
            allowed_routes: as for `answer`.
            timeout_s: as for `answer`.
        """
        question = Question(
            text=query,
            dialogue=conversation,
            request_id=request_id,
            tenant=tenant,
            metadata=metadata or {},
            allowed_routes=tuple(allowed_routes),
        )
        return AnswerStream(lambda sink: self._run(question, sink, timeout_s))

    async def give_feedback(
        self, answer: Answer, feedback: Feedback, *, correct_route: str = "", note: str = ""
    ) -> None:
        """Tells the router what a user thought of an answer; raises WaypostError when it cannot."""
        await self._router.report(
            answer.contract.decision_id,
            SpecialistOutcome.UNSPECIFIED,
            feedback=feedback,
            correct_route=correct_route,
            note=note,
        )

    async def close(self) -> None:
        """Waits for shadow runs, sends the last reports and ends the connections."""
        await self._survey.close()
        await self._warm_up.close()
        await self._shadows.close()
        await self._desk.reporter.close(FAREWELL_S)
        await self._providers.close()
        if self._own_router:
            await self._router.close()

    async def __aenter__(self) -> Self:
        """Looks at the router's specialists, in the background; the first query need not wait."""
        self._survey.begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, question: Question, sink: Sink | None, timeout_s: float | None) -> Answer:
        with answer_span() as span:
            try:
                answer = await self._answer(question, sink, timeout_s)
            except Exception as error:
                span.failed(type(error).__name__)
                raise
            span.note(
                {
                    "waypost.decision_id": answer.contract.decision_id,
                    "waypost.route": answer.route,
                    "waypost.ended": answer.ended,
                }
            )
            return answer

    async def _answer(
        self, question: Question, sink: Sink | None, timeout_s: float | None
    ) -> Answer:
        arrived = self._clock()
        ledger = Ledger(
            self._clock, arrived, arrived + (self._timeout_s if timeout_s is None else timeout_s)
        )
        flow = Flow(self._desk, question, ledger, sink)
        self._counts.queries += 1
        answer: Answer | None = None
        try:
            try:
                async with asyncio.timeout_at(ledger.deadline) as limit:
                    answer = await flow.run(limit.reschedule)
            except TimeoutError:
                raise AnswerTooLateError(
                    f"no answer within {self._clock() - arrived:.1f} s",
                    contracts=flow.contracts,
                    attempts=tuple(ledger.attempts),
                ) from None
        except Exception as error:
            self._counts.failures[type(error).__name__] += 1
            raise
        finally:
            if flow.beside and (ended := answer or sys.exception()):
                flow.beside.live_ended(ended, flow.contracts)
        self._counts.answers += 1
        return answer
