"""A query's way from text to decision."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.judgement import PLAIN, Judgement
from waypost_server.core.outcome import Reason, Stage
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.ids import new_decision_id
from waypost_server.service.part_encodings import NotAtHandError, PartEncodings
from waypost_server.service.routed import Routed, Timings


class Engine:
    """Decides with one encoder and one version of the routes; thread-safe."""

    def __init__(
        self,
        encoder: Encoder,
        router: Router,
        index_version: str,
        *,
        first: FirstStage | None = None,
        judgement: Judgement = PLAIN,
        cache: EmbeddingCache | None = None,
        uncached_tenants: Collection[str] = (),
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.encoder = encoder
        self.router = router
        self.index_version = index_version
        self.first = first
        self.judgement = judgement
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

    def look(self, query: Query) -> Query:
        """A checked query with its clues. All that follows looks, too, where nobody has."""
        return self.judgement.look(query)

    def at_once(self, query: Query, arrived_ns: int) -> Routed | None:
        """The decision about a checked query, if it takes no transformer or no encoder at all.

        Args:
            query: the query.
            arrived_ns: when it arrived, by the engine's clock.

        Returns:
            The decision; None where the first stage is not sure and the encoding not known. A query
            that may be a plan is the second stage's: the first is sure of mixtures, too.
        """
        query, started = self.look(query), self._clock()
        if query.clues.suspicion is not None:
            return self._from_cache(query, arrived_ns, started)
        unsearched = self._unsearched(query, arrived_ns)
        if unsearched:
            return unsearched
        if self.first and not query.clues.parts:
            static = self._static(query, self.first)
            encoded = self._clock()
            decision = self.first.decide(static, query)
            if decision:
                took = encoded - started, 0, self._clock() - encoded
                return self._routed(query, decision, Stage.STATIC_ENCODER, arrived_ns, took)
        return self._from_cache(query, arrived_ns, self._clock())

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
        query = self.judgement.settle(self.look(query), None)
        routed = self.at_once(query, arrived_ns)
        if routed is None:
            started = self._clock()
            static = self._static(query, self.first)
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
        waiting = [(self.look(query), arrived_ns) for query, arrived_ns in waiting]
        started = self._clock()
        wholes = [query.relevant_text for query, _ in waiting]
        extra = self._extra_texts([query for query, _ in waiting])
        encodings = self._encode([*wholes, *extra])
        made = dict(zip(extra, encodings[len(wholes) :], strict=True))
        took = self._clock() - started
        return [
            encoding
            if isinstance(encoding, Exception)
            else self._checked(query, encoding, arrived_ns, took, made)
            for (query, arrived_ns), encoding in zip(
                waiting, encodings[: len(waiting)], strict=True
            )
        ]

    def _extra_texts(self, queries: Sequence[Query]) -> Sequence[str]:
        """The parts that are encoded together with the queries, each once."""
        return list(
            dict.fromkeys(
                text
                for query in queries
                if query.clues.parts
                for text in PartEncodings(self._cache_for(query)).missing(
                    [part.of(query.text) for part in query.clues.parts]
                )
            )
        )

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
        self,
        query: Query,
        encoding: Encodings,
        arrived_ns: int,
        encode_ns: int,
        made: Mapping[str, Encodings | Exception],
    ) -> Routed | Exception:
        try:
            if not np.isfinite(encoding).all():  # any route would then be a wrong one
                raise EncoderError("the query's encoding is not finite; export the encoder again")
            cache = self._cache_for(query)
            if cache is not None:
                # Not the whole batch that it is a row of.
                cache.put(query.relevant_text, encoding.copy())
            of_parts = PartEncodings(cache, made=made, encode=self._encode)
            since = self._clock() - encode_ns
            try:
                return self._decide(query, encoding, arrived_ns, since, of_parts)
            except NotAtHandError:  # a decision about the whole is better than none
                return self._decide(query, encoding, arrived_ns, since, None)
        except Exception as error:  # noqa: BLE001  (as above)
            return error

    def _decide(
        self,
        query: Query,
        encoding: Encodings,
        arrived_ns: int,
        encoding_since: int,
        of_parts: PartEncodings | None,
    ) -> Routed:
        """`of_parts` has the encodings of the query's parts; None to take it whole."""
        encoded = self._clock()
        query = self.judgement.settle(query, encoding)
        unsearched = self._unsearched(query, arrived_ns)
        if unsearched:
            return unsearched
        neighbours = self.router.search(encoding)
        searched = self._clock()
        decision = self.router.decide(encoding, neighbours, query)
        planner, parts = self.judgement.planner, query.clues.parts
        if planner and parts and of_parts:
            decision = planner.decide(query, parts, decision, self.router, of_parts)
        took = encoded - encoding_since, searched - encoded, self._clock() - searched
        return self._routed(query, decision, Stage.ENCODER, arrived_ns, took)

    def _unsearched(self, query: Query, arrived_ns: int) -> Routed | None:
        started = self._clock()
        unsearched = self.router.unsearched(query)
        if unsearched is None:
            return None
        verdict = query.clues.verdict
        stage = verdict.stage if verdict else Stage.RULES
        took = 0, 0, self._clock() - started
        return self._routed(query, unsearched, stage, arrived_ns, took)

    def _static(self, query: Query, first: FirstStage) -> Encodings:
        known = query.clues.static
        return first.encoder.encode([query.relevant_text])[0] if known is None else known

    def _from_cache(self, query: Query, arrived_ns: int, since: int) -> Routed | None:
        cache = self._cache_for(query)
        known = None if cache is None else cache.get(query.relevant_text)
        if known is None:
            return None
        try:
            return self._decide(query, known, arrived_ns, since, PartEncodings(cache))
        except NotAtHandError:
            return None

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
        query = self.judgement.note(query, decision)
        return Routed(
            decision_id=new_decision_id(),
            query=query,
            decision=self.judgement.complete(query, decision),
            stage=stage,
            timings=Timings(
                queue_ns=total_ns - sum(took),
                encode_ns=encode_ns,
                search_ns=search_ns,
                decide_ns=decide_ns,
                total_ns=total_ns,
            ),
        )
