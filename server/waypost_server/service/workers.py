"""Threads that decide, behind a bounded queue, so that the event loop only ever waits."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from waypost_server.core.errors import OverloadedError, UnavailableError
from waypost_server.core.query import Query
from waypost_server.service.engine import Engine, Routed


class Workers:
    """Runs an engine in threads: the encoder and the index let go of the interpreter's lock."""

    def __init__(self, engine: Engine, *, threads: int, capacity: int) -> None:
        self.engine = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decide")
        self._capacity = capacity
        self._threads = threads
        self._admitted = 0
        self._decided = 0
        self._draining = False

    @property
    def decision_count(self) -> int:
        """Decisions made so far."""
        return self._decided

    @property
    def queue_depth(self) -> int:
        """Queries that wait for a thread now."""
        return max(0, self._admitted - self._threads)

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
        self._admitted += 1
        try:
            loop = asyncio.get_running_loop()
            routed = await loop.run_in_executor(
                self._pool, self.engine.route, query, self.engine.now()
            )
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
        self._pool.shutdown(wait=True, cancel_futures=True)
