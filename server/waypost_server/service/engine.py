"""A query's way from text to decision, in one thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encoder
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.ids import new_decision_id


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in nanoseconds of the monotonic clock."""

    queue_ns: int
    encode_ns: int
    search_ns: int
    decide_ns: int
    total_ns: int


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision and the circumstances in which it was made."""

    decision_id: str
    query: Query
    decision: Decision
    timings: Timings


class Engine:
    """Decides with one encoder and one version of the routes; thread-safe."""

    def __init__(
        self,
        encoder: Encoder,
        router: Router,
        index_version: str,
        *,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.encoder = encoder
        self.router = router
        self.index_version = index_version
        self._clock = clock

    def route(self, query: Query, arrived_ns: int) -> Routed:
        """Decides about a checked query that arrived at `arrived_ns` of the engine's clock.

        Raises EncoderError when the encoding is not finite: any route would then be a wrong one.
        """
        started = self._clock()
        encoding = self.encoder.encode([query.text])[0]
        if not np.isfinite(encoding).all():
            raise EncoderError("the query's encoding is not finite; export the encoder again")
        encoded = self._clock()
        neighbours = self.router.search(encoding)
        searched = self._clock()
        decision = self.router.decide(encoding, neighbours, query)
        decided = self._clock()
        return Routed(
            decision_id=new_decision_id(),
            query=query,
            decision=decision,
            timings=Timings(
                queue_ns=started - arrived_ns,
                encode_ns=encoded - started,
                search_ns=searched - encoded,
                decide_ns=decided - searched,
                total_ns=decided - arrived_ns,
            ),
        )

    def now(self) -> int:
        """The engine's clock."""
        return self._clock()
