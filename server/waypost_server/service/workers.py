"""Threads that encode, behind a bounded, fair queue, so that the event loop never waits for them.

What takes no transformer is decided on the loop itself, since a thread's wake-up takes longer; but
not once many wait, for then the loop is what everyone waits for. A thread that is free takes its
share of what waits and encodes it together. A lone query thus never waits for company, and the
longer the queue, the less each query costs.
"""

import asyncio
import threading
from dataclasses import dataclass

from waypost_server.core.errors import TooLateError, UnavailableError
from waypost_server.core.fair_queue import FairQueue
from waypost_server.core.query import Query
from waypost_server.service.admission import Admission, Room
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

ON_LOOP, ON_LOOP_JUDGED = 1_000, 120
"""Characters up to which a text is looked at on the loop: its tokens are there in 0.2 ms. Where
stages look at it before the encoder, it is an eighth: a guard looks at each sentence too, and takes
3 ms for 120 characters that are made to be slow, 0.3 for ordinary ones."""

TOGETHER = 16
"""Queries that a thread takes at most: enough to find texts of like length among them."""

RUN = 8
"""Queries that are answered together, of those that a thread took, the shortest first."""

RECENT = 0.1
"""Weight of the last run in the mean times of runs: the last ten count about two thirds."""


@dataclass(slots=True, eq=False)
class _Waiting:
    engine: Engine
    query: Query
    arrived_ns: int
    tried: bool
    answer: asyncio.Future[Routed]
    tenant: str
    deadline_ns: int | None
    queued: bool = True
    """Whether it waits still; a thread and the loop agree on it under the lock."""


class Workers:
    """Runs engines; for one event loop."""

    def __init__(self, *, threads: int, capacity: int, admission: Admission | None = None) -> None:
        """Starts the threads.

        Args:
            threads: how many.
            capacity: queries that may wait or run, where `admission` does not say.
            admission: says who gets in.
        """
        self.admission = admission or Admission(threads=threads, capacity=capacity)
        self._queue: FairQueue[_Waiting] = FairQueue()
        self._waiting = 0
        self._running = 0
        self._run_ns = 0.0
        self._each_ns = 0.0
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._closed = False
        self._decided = 0
        self._draining = asyncio.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"encode-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def decision_count(self) -> int:
        """Decisions made so far."""
        return self._decided

    @property
    def queue_depth(self) -> int:
        """Queries that wait for a thread now."""
        return self._waiting

    @property
    def running(self) -> int:
        """Queries that threads have now."""
        return self._running

    @property
    def draining(self) -> asyncio.Event:
        """Set once the server is stopping."""
        return self._draining

    async def route(
        self,
        engine: Engine,
        query: Query,
        *,
        tenant: str | None = None,
        remaining_seconds: float | None = None,
    ) -> Routed:
        """Decides about one query with the engine that its call began with.

        A caller that goes away or whose deadline passes is cancelled here, and its query is then
        dropped unless a thread already encodes it.

        Args:
            engine: decides.
            query: the query.
            tenant: whose share of the room it takes; None for the query's own tenant.
            remaining_seconds: until the caller's deadline; None for no deadline.

        Raises:
            InvalidQueryError: the query breaks a limit.
            OverloadedError: as many queries as may be are waiting or running already.
            TooLateError: it cannot be answered before the deadline.
        """
        engine.router.check(query)
        arrived_ns = engine.now()
        share = query.tenant if tenant is None else tenant
        self.admission.paced(self._each_ns / len(self._threads) / 1e9)
        room = self.admission.room_for(share, self._waiting + self._running)
        if room is Room.NONE:
            routed = self._in_haste(engine, query, arrived_ns)
        else:
            if _is_short(query, engine):  # else a thread looks
                query = engine.look(query)
            with self.admission.place(share, room):
                deadline_ns = _deadline(arrived_ns, remaining_seconds)
                routed = await self._decide(engine, query, arrived_ns, share, deadline_ns)
        self._decided += 1
        return routed

    def _in_haste(self, engine: Engine, query: Query, arrived_ns: int) -> Routed:
        # A long text would be looked at on the loop, of which there is too little already.
        may = self.admission.is_degraded and engine.first and _is_short(query, engine)
        routed = engine.in_haste(engine.look(query), arrived_ns) if may else None
        if routed is None:
            raise self.admission.refusal()
        return routed

    async def _decide(
        self,
        engine: Engine,
        query: Query,
        arrived_ns: int,
        tenant: str,
        deadline_ns: int | None,
    ) -> Routed:
        tried = engine.is_quick and _is_short(query, engine) and self._waiting < TOGETHER
        if tried and (routed := engine.at_once(query, arrived_ns)):
            return routed
        answer: asyncio.Future[Routed] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(engine, query, arrived_ns, tried, answer, tenant, deadline_ns)
        with self._arrived:
            self._waiting += 1
            self._queue.put(tenant, waiting)
            self._arrived.notify()
        try:
            return await answer
        finally:
            self._leaves_queue(waiting)

    def drain(self) -> None:
        """Takes no new calls; those already taken are answered whole."""
        self._draining.set()

    def check_open(self) -> None:
        """Raises UnavailableError when the server is stopping: asked once a call, at its start."""
        if self._draining.is_set():
            raise UnavailableError("the server is stopping; another replica may answer")

    def close(self) -> None:
        """Waits for the threads to finish what they have."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while waited := self._take():
            # Who went away meanwhile wants no answer any more.
            taken = [one for one in waited if self._leaves_queue(one, runs=True)]
            left = [waiting for waiting in taken if not self._answered_at_once(waiting)]
            # The shortest first: they need not wait for the longest to be encoded.
            left.sort(key=lambda waiting: len(waiting.query.text))
            for engine in dict.fromkeys(waiting.engine for waiting in left):  # mostly there is one
                own = [waiting for waiting in left if waiting.engine is engine]
                for start in range(0, len(own), RUN):
                    self._encode(engine, own[start : start + RUN])

    def _take(self) -> list[_Waiting]:
        """Waits for a query, takes it and this thread's share of the others; none at the end."""
        with self._arrived:
            while not len(self._queue):
                if self._closed:
                    return []
                self._arrived.wait()
            others = min(TOGETHER - 1, (len(self._queue) - 1) // len(self._threads))
            return [self._queue.get() for _ in range(1 + others)]

    def _leaves_queue(self, waiting: _Waiting, *, runs: bool = False) -> bool:
        """Whether it was in the queue until now."""
        with self._lock:
            was_queued, waiting.queued = waiting.queued, False
            self._waiting -= was_queued
            self._running += was_queued and runs
        return was_queued

    def _answered_at_once(self, waiting: _Waiting) -> bool:
        if waiting.tried:
            return False
        try:
            waiting.query = waiting.engine.look(waiting.query)
            answer: Routed | Exception | None = waiting.engine.at_once(
                waiting.query, waiting.arrived_ns
            )
        except BaseException as error:  # noqa: BLE001  (a bug ends one call, not a thread)
            answer = _for_caller(error)
        if answer is not None:
            self._ends(1, [waiting], [answer])
        return answer is not None

    def _encode(self, engine: Engine, run: list[_Waiting]) -> None:
        began_ns = engine.now()
        wanted = [waiting for waiting in run if not waiting.answer.cancelled()]
        late = [waiting for waiting in wanted if self._is_late(waiting, began_ns)]
        shed = [w for w in wanted if w not in late and self.admission.sheds(_waited(w, began_ns))]
        wanted = [waiting for waiting in wanted if waiting not in late and waiting not in shed]
        answers: list[Routed | Exception] = []
        if wanted:
            try:
                answers = engine.after_encoding([(w.query, w.arrived_ns) for w in wanted])
            except BaseException as error:  # noqa: BLE001  (as above)
                answers = [_for_caller(error)] * len(wanted)
            took_ns = engine.now() - began_ns
            self._run_ns += RECENT * (took_ns - self._run_ns)
            self._each_ns += RECENT * (took_ns / len(wanted) - self._each_ns)
        too_late = TooLateError("the deadline would have passed before the answer; allow more time")
        self._ends(len(run), wanted + late, answers + [too_late] * len(late))
        if shed:
            shed[0].answer.get_loop().call_soon_threadsafe(self._refuse, shed)

    def _is_late(self, waiting: _Waiting, now_ns: int) -> bool:
        """Whether no answer can come in time, if this run takes as long as the last ones did."""
        return waiting.deadline_ns is not None and now_ns + self._run_ns > waiting.deadline_ns

    def _ends(self, count: int, done: list[_Waiting], answers: list[Routed | Exception]) -> None:
        """So many queries run no more; of these, here are the answers that somebody waits for."""
        with self._lock:
            under_way = self._waiting + self._running
            self._running -= count
        if done:
            loop = done[0].answer.get_loop()
            loop.call_soon_threadsafe(self._answer, done, answers, under_way)

    def _answer(
        self, done: list[_Waiting], answers: list[Routed | Exception], under_way: int
    ) -> None:
        for waiting, answer in zip(done, answers, strict=True):
            if isinstance(answer, Routed):
                self.admission.waited(answer.timings.queue_ns / 1e9, under_way=under_way)
            if waiting.answer.done():
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    def _refuse(self, shed: list[_Waiting]) -> None:
        for waiting in shed:
            if not waiting.answer.done():
                waiting.answer.set_exception(self.admission.refusal())


def _for_caller(error: BaseException) -> Exception:
    """What the caller is told: a library in Rust that panics raises what is no Exception.

    In a thread that would end it, and leave those who wait for it waiting; in a caller's task it
    would end more than the call.
    """
    if isinstance(error, Exception):
        return error
    # Without its words, which may hold the text.
    told = RuntimeError(f"{type(error).__name__} in a thread that encodes")
    return told.with_traceback(error.__traceback__)


def _is_short(query: Query, engine: Engine) -> bool:
    return len(query.text) <= (ON_LOOP_JUDGED if engine.judgement.before else ON_LOOP)


def _waited(waiting: _Waiting, now_ns: int) -> int:
    return now_ns - waiting.arrived_ns


def _deadline(arrived_ns: int, remaining_seconds: float | None) -> int | None:
    return None if remaining_seconds is None else arrived_ns + int(remaining_seconds * 1e9)
