"""Has a language model decide what the encoder is not sure of, where the taxonomy says so."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from waypost_server.core.consultation import (
    Consultation,
    Purpose,
    Result,
    choosable,
    is_wanted,
    question_about,
)
from waypost_server.core.decision import decide_by_model
from waypost_server.core.escalation import Escalation
from waypost_server.core.model_access import ANY_MODEL, may_see
from waypost_server.core.outcome import Stage
from waypost_server.core.ranking import Candidate
from waypost_server.core.review import MAX_TEXT, Example, example_of
from waypost_server.service.answer_cache import AnswerCache, key_of
from waypost_server.service.consulting import Consulting
from waypost_server.service.engine import Engine
from waypost_server.service.paying import payer_of
from waypost_server.service.routed import Routed


class Escalating:
    """Stands between the engine's decision and its contract; for one event loop."""

    def __init__(
        self,
        consulting: Consulting,
        *,
        overloaded: Callable[[], bool] = lambda: False,
        review: Callable[[Example], None] | None = None,
        uncached_tenants: Collection[str] = (),
    ) -> None:
        """Keeps no answer yet.

        Args:
            consulting: asks.
            overloaded: whether queries wait too long already.
            review: is told what a model chose, for people to look at; None for nobody.
            uncached_tenants: whose queries leave nothing behind.
        """
        self._consulting = consulting
        self._overloaded = overloaded
        self._review = review
        self._uncached_tenants = frozenset(uncached_tenants)
        self._cache = AnswerCache()

    async def escalated(
        self, engine: Engine, routed: Routed, left_seconds: float | None = None
    ) -> Routed:
        """The decision, or the model's where it was asked and chose a route.

        Args:
            engine: what decided.
            routed: the decision.
            left_seconds: until the caller's deadline; None for no deadline.
        """
        escalation = engine.router.catalog.taxonomy.escalation
        if escalation is None or not is_wanted(routed.decision, routed.query, escalation):
            return routed
        candidates = choosable(routed.decision, routed.query)
        if not candidates:
            return routed
        consultation = await self._consult(engine, routed, candidates, escalation, left_seconds)
        return await self._heeded(engine, routed, candidates, consultation)

    async def _consult(
        self,
        engine: Engine,
        routed: Routed,
        candidates: Sequence[Candidate],
        escalation: Escalation,
        left_seconds: float | None,
    ) -> Consultation:
        """What came of asking; its answer is a candidate's name, or "" for none of them."""
        query, catalog = routed.query, engine.router.catalog
        model = catalog.models[escalation.model]
        names = [candidate.route for candidate in candidates]
        key = key_of(query.text, model, engine.index_version, names)
        skipped = Consultation(purpose=Purpose.ROUTE, model=model.name, result=Result.NOT_ALLOWED)
        if not may_see(model, query, catalog.taxonomy):
            return skipped
        caches = bool(escalation.cache_entries) and query.tenant not in self._uncached_tenants
        known = self._cache.get(key) if caches else None
        if known is not None:
            return replace(skipped, result=Result.CACHED, answer=known)
        if self._overloaded():
            return replace(skipped, result=Result.OVERLOADED)
        question = question_about(query, candidates, catalog, engine.router.exemplars)
        asked = await self._consulting.ask(
            model,
            question.prompt,
            question.schema,
            purpose=Purpose.ROUTE,
            query=query,
            deadline_seconds=escalation.deadline_ms / 1000,
            left_seconds=left_seconds,
            max_concurrent=escalation.max_concurrent,
            max_tokens=question.max_tokens,
            payer=payer_of(routed.decision_id, query, catalog.taxonomy),
        )
        if asked.result is not Result.ANSWERED:
            return asked
        route = asked.answer["route"]
        route = "" if route == question.none else route
        if caches:
            self._cache.put(key, route, entries=escalation.cache_entries)
        return replace(asked, answer=route)

    async def _heeded(
        self,
        engine: Engine,
        routed: Routed,
        candidates: Sequence[Candidate],
        consultation: Consultation,
    ) -> Routed:
        told = routed.after(consultation)
        chosen = next((one for one in candidates if one.route == consultation.answer), None)
        if chosen is None:
            return told
        query, catalog = routed.query, engine.router.catalog
        if consultation.result is Result.ANSWERED:
            self._keep_for_review(engine, routed, chosen, consultation)
        decision = decide_by_model(routed.decision, chosen, query, catalog)
        query = engine.judgement.note(query, decision)
        # Not on the loop: parameters of a text of 32 kB take 25 ms.
        completed = await asyncio.to_thread(engine.judgement.complete, query, decision)
        return replace(told, query=query, decision=completed, stage=Stage.MODEL)

    def _keep_for_review(
        self, engine: Engine, routed: Routed, chosen: Candidate, consultation: Consultation
    ) -> None:
        """Unless the query must stay where it is: an exemplar goes to whoever has the routes."""
        query = routed.query
        if self._review is None or query.tenant in self._uncached_tenants:
            return
        taxonomy = engine.router.catalog.taxonomy
        if len(query.text) <= MAX_TEXT and may_see(ANY_MODEL, query, taxonomy):
            self._review(
                example_of(
                    query.text,
                    route=chosen.route,
                    confidence=chosen.confidence,
                    encoder_route=routed.decision.candidates[0].route,
                    model=consultation.model,
                    index_version=engine.index_version,
                )
            )
