"""A query's way from text to decision."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.outcome import Reason, Stage
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.ids import new_decision_id


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in nanoseconds of the monotonic clock.

    Encoding is that of the whole run that a query shared; what it waited for beside the others'
    decisions, or for the first stage that was not sure, counts as queue.
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
        self.cache = cache
        self._uncached_tenants = frozenset(uncached_tenants)
        self._clock = clock

    @property
    def stages(self) -> Mapping[Stage, tuple[Encoder, Router]]:
        """What decides in each stage."""
        second = {Stage.ENCODER: (self.encoder, self.router)}
        if self.first is None:
            return second
        return {Stage.STATIC_ENCODER: (self.first.encoder, self.first.router), **second}

    @property
    def is_quick(self) -> bool:
        """Whether `at_once` takes a fraction of a millisecond: in no stage is there a search."""
        return self.router.is_quick and (self.first is None or self.first.router.is_quick)

    def at_once(self, query: Query, arrived_ns: int) -> Routed | None:
        """The decision about a checked query, if it takes no transformer or no encoder at all.

        Args:
            query: the query.
            arrived_ns: when it arrived, by the engine's clock.

        Returns:
            The decision; None where the first stage is not sure and the encoding not known.
        """
        started = self._clock()
        unsearched = self.router.unsearched(query)
        if unsearched:
            took = 0, 0, self._clock() - started
            return self._routed(query, unsearched, Stage.RULES, arrived_ns, took)
        if self.first:
            static = self.first.encoder.encode([query.text])[0]
            encoded = self._clock()
            decision = self.first.decide(static, query)
            if decision:
                took = encoded - started, 0, self._clock() - encoded
                return self._routed(query, decision, Stage.STATIC_ENCODER, arrived_ns, took)
        cache = self._cache_for(query)
        known = None if cache is None else cache.get(query.text)
        return None if known is None else self._decide(query, known, arrived_ns, self._clock())

    def in_haste(self, query: Query, arrived_ns: int) -> Routed | None:
        """The decision about a checked query without the transformer, and the decision says so.

        Args:
            query: the query.
            arrived_ns: when it arrived, by the engine's clock.

        Returns:
            The decision of the static encoder, be it sure or not, unless a surer one is as cheap;
            None where there is no static encoder.
        """
        if self.first is None:
            return None
        routed = self.at_once(query, arrived_ns)
        if routed is None:
            started = self._clock()
            static = self.first.encoder.encode([query.text])[0]
            encoded = self._clock()
            decision = self.first.decide_anyway(static, query)
            took = encoded - started, 0, self._clock() - encoded
            routed = self._routed(query, decision, Stage.STATIC_ENCODER, arrived_ns, took)
        decision = routed.decision
        reasons = (*decision.reasons, Reason.DEGRADED)
        return replace(routed, decision=replace(decision, reasons=reasons))

    def after_encoding(self, waiting: Sequence[tuple[Query, int]]) -> list[Routed | Exception]:
        """Decisions about queries that took the transformer, in their order; a bad one fails alone.

        Args:
            waiting: checked queries, each with when it arrived, by the engine's clock.
        """
        started = self._clock()
        encodings = self._encode([query.text for query, _ in waiting])
        took = self._clock() - started
        return [
            encoding
            if isinstance(encoding, Exception)
            else self._checked(query, encoding, arrived_ns, took)
            for (query, arrived_ns), encoding in zip(waiting, encodings, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> Sequence[Encodings | Exception]:
        try:
            encodings = self.encoder.encode(texts)
            if len(encodings) != len(texts):
                raise EncoderError(
                    f"the encoder made {len(encodings)} encodings of {len(texts)} texts"
                )
            return list(encodings)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is that text's answer)
            if len(texts) == 1:
                return [error]
            return [found for text in texts for found in self._encode([text])]

    def _checked(
        self, query: Query, encoding: Encodings, arrived_ns: int, encode_ns: int
    ) -> Routed | Exception:
        try:
            if not np.isfinite(encoding).all():  # any route would then be a wrong one
                raise EncoderError("the query's encoding is not finite; export the encoder again")
            cache = self._cache_for(query)
            if cache is not None:
                cache.put(query.text, encoding.copy())  # not the whole batch that it is a row of
            return self._decide(query, encoding, arrived_ns, self._clock() - encode_ns)
        except Exception as error:  # noqa: BLE001  (as above)
            return error

    def _decide(
        self, query: Query, encoding: Encodings, arrived_ns: int, encoding_since: int
    ) -> Routed:
        encoded = self._clock()
        neighbours = self.router.search(encoding)
        searched = self._clock()
        decision = self.router.decide(encoding, neighbours, query)
        took = encoded - encoding_since, searched - encoded, self._clock() - searched
        return self._routed(query, decision, Stage.ENCODER, arrived_ns, took)

    def _cache_for(self, query: Query) -> EmbeddingCache | None:
        return None if query.tenant in self._uncached_tenants else self.cache

    def now(self) -> int:
        """The engine's clock."""
        return self._clock()

    def _routed(
        self,
        query: Query,
        decision: Decision,
        stage: Stage,
        arrived_ns: int,
        took: tuple[int, int, int],
    ) -> Routed:
        """`took` is for encoding, search and decision; the rest since it arrived was waiting."""
        encode_ns, search_ns, decide_ns = took
        total_ns = self._clock() - arrived_ns
        return Routed(
            decision_id=new_decision_id(),
            query=query,
            decision=decision,
            stage=stage,
            timings=Timings(
                queue_ns=total_ns - sum(took),
                encode_ns=encode_ns,
                search_ns=search_ns,
                decide_ns=decide_ns,
                total_ns=total_ns,
            ),
        )
