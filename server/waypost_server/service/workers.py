"""Threads that encode, behind a bounded queue, so that the event loop never waits for them.

What takes no transformer is decided on the loop itself, since a thread's wake-up takes longer; but
not once many wait, for then the loop is what everyone waits for. A thread that is free takes its
share of what waits and encodes it together. A lone query thus never waits for company, and the
longer the queue, the less each query costs.
"""

import asyncio
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from waypost_server.core.errors import OverloadedError, UnavailableError
from waypost_server.core.query import Query
from waypost_server.service.engine import Engine, Routed

ON_LOOP = 1_000
"""Characters up to which a text is looked at on the loop: its tokens are there in 0.2 ms."""

TOGETHER = 16
"""Queries that a thread takes at most: enough to find texts of like length among them."""

RUN = 8
"""Queries that are answered together, of those that a thread took, the shortest first."""


@dataclass(slots=True, eq=False)
class _Waiting:
    engine: Engine
    query: Query
    arrived_ns: int
    tried: bool
    answer: asyncio.Future[Routed]
    queued: bool = True
    """Whether it waits still; a thread and the loop agree on it under the lock."""


class Workers:
    """Runs engines; for one event loop."""

    def __init__(self, *, threads: int, capacity: int) -> None:
        self._capacity = capacity
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._waiting = 0
        self._running = 0
        self._lock = threading.Lock()
        self._decided = 0
        self._draining = False
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

    async def route(self, engine: Engine, query: Query) -> Routed:
        """Decides about one query with the engine that its call began with.

        A caller that goes away or whose deadline passes is cancelled here, and its query is then
        dropped unless a thread already encodes it.

        Raises:
            InvalidQueryError: the query breaks a limit.
            OverloadedError: as many queries as may be are waiting or running already.
        """
        engine.router.check(query)
        if self._waiting + self._running >= self._capacity:
            raise OverloadedError(
                f"{self._capacity} queries are waiting or running already; try again later"
            )
        arrived_ns = engine.now()
        tried = engine.is_quick and len(query.text) <= ON_LOOP and self._waiting < TOGETHER
        routed = engine.at_once(query, arrived_ns) if tried else None
        if routed is None:
            routed = await self._wait(_Waiting(engine, query, arrived_ns, tried, _future()))
        self._decided += 1
        return routed

    async def _wait(self, waiting: _Waiting) -> Routed:
        with self._lock:
            self._waiting += 1
        self._queue.put(waiting)
        try:
            return await waiting.answer
        finally:
            self._leaves_queue(waiting)

    def drain(self) -> None:
        """Takes no new calls; those already taken are answered whole."""
        self._draining = True

    def check_open(self) -> None:
        """Raises UnavailableError when the server is stopping: asked once a call, at its start."""
        if self._draining:
            raise UnavailableError("the server is stopping; another replica may answer")

    def close(self) -> None:
        """Waits for the threads to finish what they have."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            # Who went away meanwhile, or is too late, wants no answer any more.
            taken = [one for one in (first, *self._more()) if self._leaves_queue(one, runs=True)]
            left = [waiting for waiting in taken if not self._answered_at_once(waiting)]
            # The shortest first: they need not wait for the longest to be encoded.
            left.sort(key=lambda waiting: len(waiting.query.text))
            for engine in dict.fromkeys(waiting.engine for waiting in left):  # mostly there is one
                own = [waiting for waiting in left if waiting.engine is engine]
                for start in range(0, len(own), RUN):
                    self._encode(engine, own[start : start + RUN])

    def _more(self) -> list[_Waiting]:
        """This thread's share of what waits besides the first."""
        taken: list[_Waiting] = []
        share = min(TOGETHER - 1, self._queue.qsize() // len(self._threads))
        while len(taken) < share:
            try:
                waiting = self._queue.get_nowait()
            except Empty:  # another thread was faster
                break
            if waiting is None:
                self._queue.put(None)  # the end comes after this round
                break
            taken.append(waiting)
        return taken

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
            answer: Routed | Exception | None = waiting.engine.at_once(
                waiting.query, waiting.arrived_ns
            )
        except Exception as error:  # noqa: BLE001  (a bug of ours ends one call, not a thread)
            answer = error
        if answer is not None:
            self._ends(1, [waiting], [answer])
        return answer is not None

    def _encode(self, engine: Engine, run: list[_Waiting]) -> None:
        wanted = [waiting for waiting in run if not waiting.answer.cancelled()]
        answers: list[Routed | Exception] = []
        if wanted:
            try:
                answers = engine.after_encoding([(w.query, w.arrived_ns) for w in wanted])
            except Exception as error:  # noqa: BLE001  (as above)
                answers = [error] * len(wanted)
        self._ends(len(run), wanted, answers)

    def _ends(self, count: int, done: list[_Waiting], answers: list[Routed | Exception]) -> None:
        """So many queries run no more; of these, here are the answers that somebody waits for."""
        with self._lock:
            self._running -= count
        if done:
            done[0].answer.get_loop().call_soon_threadsafe(_answer, done, answers)


def _future() -> asyncio.Future[Routed]:
    return asyncio.get_running_loop().create_future()


def _answer(done: list[_Waiting], answers: list[Routed | Exception]) -> None:
    for waiting, answer in zip(done, answers, strict=True):
        if waiting.answer.done():
            continue
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
