"""Shadow mode: candidates answer beside the live query, on a share of the queries, unseen."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from waypost_client import AsyncClient, Contract, ShadowCandidate
from waypost_client.dispatch._answer import Answer, AnswerTooLateError
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._flow import Desk, Flow
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._acceptance import Acceptance
from waypost_client.dispatch._output._validators import Validator
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._reports import Reporter
from waypost_client.dispatch._router import ClientsRouter
from waypost_client.dispatch._shadow._beside import Beside
from waypost_client.dispatch._shadow._candidate import (
    CandidatesPrompts,
    OnTrial,
    OtherDecisions,
    Part,
    SameDecision,
    Silent,
    part_of,
)
from waypost_client.dispatch._shadow._log import ShadowLog
from waypost_client.dispatch._shadow._side import side_of, text_of
from waypost_client.dispatch._specialists import Specialists

AT_ONCE = 8
"""Candidates under way at a time: a share of the queries, and never the load of all of them."""

ELSEWHERE = 100
"""Other routers that are ever asked: each has a connection until the dispatcher is closed."""

PATIENCE_S = 3.0
"""For those under way when the dispatcher is closed, and then again for their records."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Another router."""

    client: AsyncClient
    specialists: Specialists
    reporter: Reporter


class Shadows:
    """Runs candidates and records them. For one event loop."""

    def __init__(
        self,
        path: Path | None,
        *,
        router: AsyncClient,
        specialists: Specialists,
        providers: Providers,
        validators: Sequence[Validator],
        counts: Counts,
        texts: bool,
        connect: Callable[[str], AsyncClient] = AsyncClient,
    ) -> None:
        """Begins nothing yet.

        Args:
            path: the file that takes the records; None to run nothing.
            router: the live router.
            specialists: the live router's.
            providers: who calls models; their connections are shared with the live queries.
            validators: what a candidate's answer must pass too.
            counts: where what was left out is counted.
            texts: whether records have query and answers.
            connect: makes a client of another router, at an address.
        """
        self._log = ShadowLog(path, counts) if path else None
        self._specialists = specialists
        self._counts = counts
        self._texts = texts
        self._connect = connect
        self._clock = asyncio.get_running_loop().time
        # Breakers of its own: what a candidate does to a model must not close it to the users.
        self._caller = ModelCaller(providers, Counts(), clock=self._clock)
        self._one = OnTrial(self._caller, Acceptance(self._caller, validators))
        self._silent = Silent(router, Counts())
        self._elsewhere: dict[str, _Elsewhere] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._has_warned = False

    def begin(self, contract: Contract, question: Question, ledger: Ledger) -> Beside | None:
        """Lets the candidates begin on whom this decision falls.

        Returns:
            Who must hear of the live query's end; None when nothing runs.
        """
        if not contract.specialist.shadows or self._is_closed:
            return None
        if self._log is None:
            self._warn(contract)
            return None
        drawn = [each for each in contract.specialist.shadows if falls_on(each, contract)]
        if not drawn:
            return None
        beside = Beside(question.text, contract, ledger, self._log.put, texts=self._texts)
        for candidate in drawn:
            self._start(part_of(candidate, contract), question, ledger, beside)
        return beside

    async def close(self) -> None:
        """Waits for what is under way, for a few seconds, and ends the rest and all connections."""
        self._is_closed = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=PATIENCE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for elsewhere in self._elsewhere.values():
            await elsewhere.reporter.close(PATIENCE_S)
            await elsewhere.client.close()
        if self._log:
            await self._log.close(PATIENCE_S)

    def _start(self, part: Part, question: Question, live: Ledger, beside: Beside) -> None:
        if len(self._running) >= AT_ONCE or not self._can_reach(part.candidate.router_address):
            self._counts.shadows_dropped += 1
            return
        self._counts.shadows += 1
        task = asyncio.create_task(self._run(part, question, self._ledger(part, live), beside))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _ledger(self, part: Part, live: Ledger) -> Ledger:
        """As much time as the live query: from its arrival, unless another router is asked too."""
        arrived = self._clock() if part.candidate.router_address else live.arrived
        return Ledger(self._clock, arrived, arrived + live.deadline - live.arrived)

    async def _run(self, part: Part, question: Question, ledger: Ledger, beside: Beside) -> None:
        flow = Flow(self._desk(part), question, ledger, None)
        result: Answer | BaseException
        try:
            async with asyncio.timeout_at(ledger.deadline) as limit:
                result = await flow.run(limit.reschedule)
        except asyncio.CancelledError as error:
            result = error  # by `close`, which waits for the record
        except TimeoutError:
            result = AnswerTooLateError("no answer in time")
        except Exception as error:  # noqa: BLE001  (what goes wrong here is the record's to say)
            result = error
        side = side_of(result, flow.contracts or _decided(part), ledger)
        beside.candidate_ended(part.candidate.name, side, text_of(result), part.not_callable)

    def _desk(self, part: Part) -> Desk:
        address = part.candidate.router_address
        elsewhere = self._elsewhere_at(address) if address else None
        prompts = elsewhere.specialists if elsewhere else self._specialists
        return Desk(
            router=OtherDecisions(ClientsRouter(elsewhere.client), part)
            if elsewhere
            else SameDecision(part),
            specialists=CandidatesPrompts(self._specialists, prompts, part),
            survey=None,
            caller=self._caller,
            one=self._one,
            reporter=elsewhere.reporter if elsewhere else self._silent,
            counts=Counts(),
        )

    def _can_reach(self, address: str) -> bool:
        return not address or address in self._elsewhere or len(self._elsewhere) < ELSEWHERE

    def _elsewhere_at(self, address: str) -> _Elsewhere:
        if address not in self._elsewhere:
            client = self._connect(address)
            self._elsewhere[address] = _Elsewhere(
                client, Specialists(client), Reporter(client, Counts())
            )
        return self._elsewhere[address]

    def _warn(self, contract: Contract) -> None:
        if not self._has_warned:
            self._has_warned = True
            names = ", ".join(each.name for each in contract.specialist.shadows)
            _log.warning(
                "the router asks for shadow runs (%s), and none is run: this dispatcher has no "
                "shadow_log to record them in",
                names,
            )


def _decided(part: Part) -> tuple[Contract, ...]:
    """What is decided before a candidate begins."""
    return () if part.candidate.router_address else (part.contract,)


def falls_on(candidate: ShadowCandidate, contract: Contract) -> bool:
    """Whether a candidate runs beside a decision: always the same for the same two.

    Its share of all decisions, independent of what other candidates do.
    """
    drawn = hashlib.sha256(f"{contract.decision_id}\n{candidate.name}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64 < candidate.share
