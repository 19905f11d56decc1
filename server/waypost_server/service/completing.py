"""Has a language model say which parameters a query names, where extractors did not find them."""

from collections.abc import Callable
from dataclasses import replace

from waypost_server.core.consultation import Purpose, Result, may_be_shown
from waypost_server.core.extraction.parameters import Extracted, with_params
from waypost_server.core.model_access import may_see
from waypost_server.core.outcome import Action, Outcome
from waypost_server.core.param_question import question_of
from waypost_server.service.consulting import Consulting
from waypost_server.service.engine import Engine
from waypost_server.service.paying import payer_of
from waypost_server.service.routed import Routed

DEADLINE_SECONDS = 2.0
"""How long it may take: a small model near by answers in half of it, and whoever asks has the route
already and can ask the user instead."""

MAX_CONCURRENT = 8
"""Calls of a model under way at a time: what a small model of one's own answers together."""


class Completing:
    """Stands between the decision and its contract; for one event loop."""

    def __init__(
        self, consulting: Consulting, *, overloaded: Callable[[], bool] = lambda: False
    ) -> None:
        """Args are who asks, and whether queries wait too long already."""
        self._consulting = consulting
        self._overloaded = overloaded

    async def completed(
        self, engine: Engine, routed: Routed, left_seconds: float | None = None
    ) -> Routed:
        """The decision, with parameters that a model found, if its route asks one.

        Args:
            engine: what decided.
            routed: the decision.
            left_seconds: until the caller's deadline; None for no deadline.
        """
        decision, parameters = routed.decision, engine.judgement.parameters
        if parameters is None or not decision.missing_params or decision.plan:
            return routed
        if decision.action is not Action.INVOKE or decision.outcome is Outcome.BLOCKED:
            return routed  # nobody is asked, or not yet
        if not may_be_shown(decision, routed.query):
            return routed
        found = Extracted(decision.params, decision.missing_params)
        schema = parameters.wanted(decision.route, found)
        if schema is None or self._overloaded():
            return routed
        catalog = engine.router.catalog
        model = catalog.models[decision.route.params_model]
        if not may_see(model, routed.query, catalog.taxonomy):
            return routed
        question = question_of(routed.query, schema)
        asked = await self._consulting.ask(
            model,
            question.prompt,
            question.schema,
            purpose=Purpose.PARAMS,
            query=routed.query,
            deadline_seconds=DEADLINE_SECONDS,
            left_seconds=left_seconds,
            max_concurrent=MAX_CONCURRENT,
            max_tokens=question.max_tokens,
            payer=payer_of(routed.decision_id, routed.query, catalog.taxonomy),
        )
        routed = routed.after(asked)
        if asked.result is not Result.ANSWERED:
            return routed
        done = parameters.completed(decision.route, found, asked.answer)
        return replace(routed, decision=with_params(decision, done))
