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


@dataclass(frozen=True, slots=True)
class _Waiting:
    query: Query
    arrived_ns: int
    tried: bool
    answer: asyncio.Future[Routed]


class Workers:
    """Runs an engine; for one event loop."""

    def __init__(self, engine: Engine, *, threads: int, capacity: int) -> None:
        self.engine = engine
        self._capacity = capacity
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._admitted = 0
        self._running = 0
        self._running_lock = threading.Lock()
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
        return max(0, self._admitted - self._running)

    @property
    def running(self) -> int:
        """Queries that threads have now."""
        return self._running

    async def route(self, query: Query) -> Routed:
        """Decides about one query.

        A caller that goes away or whose deadline passes is cancelled here, and its query is then
        dropped unless a thread already has it.

        Raises:
            InvalidQueryError: the query breaks a limit.
            OverloadedError: as many queries as may be are waiting or running already.
        """
        self.engine.router.check(query)
        if self._admitted >= self._capacity:
            raise OverloadedError(
                f"{self._capacity} queries are waiting or running already; try again later"
            )
        arrived_ns = self.engine.now()
        tried = len(query.text) <= ON_LOOP and self.queue_depth < TOGETHER
        routed = self.engine.at_once(query, arrived_ns) if tried else None
        if routed is None:
            answer: asyncio.Future[Routed] = asyncio.get_running_loop().create_future()
            self._admitted += 1
            try:
                self._queue.put(_Waiting(query, arrived_ns, tried, answer))
                routed = await answer
            finally:
                self._admitted -= 1
        self._decided += 1
        return routed

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
            taken = [first, *self._more()]
            # Who went away meanwhile, or is too late, wants no answer any more.
            wanted = [waiting for waiting in taken if not waiting.answer.cancelled()]
            if wanted:
                self._count(len(wanted))
                answers = self._answers(wanted)
                self._count(-len(wanted))
                loop = wanted[0].answer.get_loop()
                loop.call_soon_threadsafe(_deliver, wanted, answers)

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

    def _answers(self, wanted: list[_Waiting]) -> list[Routed | Exception]:
        answers: dict[int, Routed | Exception] = {}
        for i, waiting in enumerate(wanted):
            if not waiting.tried:
                routed = self._try(waiting)
                if routed is not None:
                    answers[i] = routed
        left = [i for i in range(len(wanted)) if i not in answers]
        found = self.engine.after_encoding([(wanted[i].query, wanted[i].arrived_ns) for i in left])
        answers.update(zip(left, found, strict=True))
        return [answers[i] for i in range(len(wanted))]

    def _try(self, waiting: _Waiting) -> Routed | Exception | None:
        try:
            return self.engine.at_once(waiting.query, waiting.arrived_ns)
        except Exception as error:  # noqa: BLE001  (a bug of ours ends one call, not a thread)
            return error

    def _count(self, change: int) -> None:
        with self._running_lock:
            self._running += change


def _deliver(wanted: list[_Waiting], answers: list[Routed | Exception]) -> None:
    for waiting, answer in zip(wanted, answers, strict=True):
        if waiting.answer.done():
            continue
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
