"""A query's way from text to decision, in one thread."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.outcome import Stage
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.ids import new_decision_id


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in nanoseconds of the monotonic clock.

    Where the transformer decides, what the first stage took counts as encoding.
    """

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
    stage: Stage
    timings: Timings


class Engine:
    """Decides with one encoder and one version of the routes; thread-safe."""

    def __init__(
        self,
        encoder: Encoder,
        router: Router,
        index_version: str,
        *,
        first: FirstStage | None = None,
        cache: EmbeddingCache | None = None,
        uncached_tenants: Collection[str] = (),
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.encoder = encoder
        self.router = router
        self.index_version = index_version
        self.first = first
        self._cache = cache
        self._uncached_tenants = frozenset(uncached_tenants)
        self._clock = clock

    @property
    def stages(self) -> Mapping[Stage, tuple[Encoder, Router]]:
        """What decides in each stage."""
        second = {Stage.ENCODER: (self.encoder, self.router)}
        if self.first is None:
            return second
        return {Stage.STATIC_ENCODER: (self.first.encoder, self.first.router), **second}

    def route(self, query: Query, arrived_ns: int) -> Routed:
        """Decides about a checked query that arrived at `arrived_ns` of the engine's clock.

        Raises EncoderError when the encoding is not finite: any route would then be a wrong one.
        """
        started = self._clock()
        if self.first:
            static = self.first.encoder.encode([query.text])[0]
            encoded = searched = self._clock()
            decision = self.first.decide(static, query)
            if decision:
                times = (arrived_ns, started, encoded, searched, self._clock())
                return _routed(query, decision, Stage.STATIC_ENCODER, times)
        encoding = self._encode(query)
        encoded = self._clock()
        neighbours = self.router.search(encoding)
        searched = self._clock()
        decision = self.router.decide(encoding, neighbours, query)
        times = (arrived_ns, started, encoded, searched, self._clock())
        return _routed(query, decision, Stage.ENCODER, times)

    def _encode(self, query: Query) -> Encodings:
        cache = None if query.tenant in self._uncached_tenants else self._cache
        known = None if cache is None else cache.get(query.text)
        if known is not None:
            return known
        encoding: Encodings = self.encoder.encode([query.text])[0]
        if not np.isfinite(encoding).all():
            raise EncoderError("the query's encoding is not finite; export the encoder again")
        if cache is not None:
            cache.put(query.text, encoding)
        return encoding

    def now(self) -> int:
        """The engine's clock."""
        return self._clock()


def _routed(
    query: Query, decision: Decision, stage: Stage, times: tuple[int, int, int, int, int]
) -> Routed:
    """`times` are when the query arrived, and when its parts began and ended."""
    arrived, started, encoded, searched, decided = times
    return Routed(
        decision_id=new_decision_id(),
        query=query,
        decision=decision,
        stage=stage,
        timings=Timings(
            queue_ns=started - arrived,
            encode_ns=encoded - started,
            search_ns=searched - encoded,
            decide_ns=decided - searched,
            total_ns=decided - arrived,
        ),
    )
