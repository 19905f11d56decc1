"""Asks language models on behalf of queries: bounded, never twice, and never in anybody's way.

Whoever asks gets a Consultation, whatever happens, and does without where it holds no answer.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from waypost_server.core.catalog import Model
from waypost_server.core.circuit_breaker import CircuitBreaker
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.errors import (
    MalformedAnswerError,
    ModelError,
    ModelRefusedError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from waypost_server.core.language_model import LanguageModel, Prompt
from waypost_server.core.query import Query
from waypost_server.service.paying import Payer, Paying, most_usd, usd_of

SHARE_OF_DEADLINE = 0.8
"""Of the time until the caller's deadline; the rest is for the answer's way back."""

NOT_BEGUN = frozenset((Result.UNREACHABLE, Result.REFUSED))
"""Failures that cost nothing: the model read no question. One that came late may be charged."""

LEAST_SECONDS = 0.02
"""With less left, nobody is asked: the call would be paid and its answer not waited for."""

_RESULTS: Mapping[type[ModelError], Result] = {
    ModelTimeoutError: Result.TIMEOUT,
    ModelUnreachableError: Result.UNREACHABLE,
    ModelRefusedError: Result.REFUSED,
    MalformedAnswerError: Result.MALFORMED,
}

_log = logging.getLogger(__name__)


class Consulting:
    """Asks the models of the fleet; for one event loop."""

    def __init__(
        self,
        models: LanguageModel,
        *,
        paying: Paying,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """Has asked nobody yet.

        Args:
            models: who is asked.
            paying: keeps the accounts of those who pay.
            clock: nanoseconds that never go back.
        """
        self._models = models
        self._paying = paying
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}
        self._under_way: Counter[str] = Counter()
        self._failing: set[str] = set()

    @staticmethod
    def may_ask(model: Model, query: Query) -> bool:
        """Whether a query may be shown to a model: its tags, and what is switched off."""
        if not model.enabled or model.name in query.off.models:
            return False
        return query.clues.required_tags <= set(model.tags)

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        schema: Mapping[str, Any],
        *,
        purpose: Purpose,
        query: Query,
        deadline_seconds: float,
        left_seconds: float | None,
        max_concurrent: int,
        max_tokens: int,
        payer: Payer | None = None,
    ) -> Consultation:
        """Asks once, if that may be.

        Args:
            model: whom.
            prompt: the question.
            schema: JSON Schema of the answer.
            purpose: what it is for.
            query: on whose behalf.
            deadline_seconds: how long the answer may take.
            left_seconds: until the caller's deadline; None for no deadline.
            max_concurrent: calls of this model under way at a time.
            max_tokens: of the answer at most.
            payer: whose budget it is on; None for nobody's.

        Returns:
            What came of it; nothing that a model or the network does is raised.
        """
        began = self._clock()
        left = deadline_seconds if left_seconds is None else left_seconds * SHARE_OF_DEADLINE
        asked = Consultation(purpose=purpose, model=model.name, result=Result.NOT_ALLOWED)
        if not self.may_ask(model, query):
            return asked
        if left < LEAST_SECONDS:
            return replace(asked, result=Result.TOO_LATE)
        if self._under_way[model.name] >= max_concurrent:
            return replace(asked, result=Result.FULL)
        at_most = most_usd(model, prompt, max_tokens=max_tokens)
        breaker = self._breaker(model.name)
        permit = breaker.admit(model.breaker)
        if permit is None:
            return replace(asked, result=Result.BREAKER_OPEN)
        settle = self._paying.reserve(payer, purpose, at_most)
        if settle is None:
            breaker.settle(permit, model.breaker, well=None)
            return replace(asked, result=Result.OVER_BUDGET)
        well: bool | None = None  # if the caller goes away meanwhile, nobody knows
        usd = at_most
        self._under_way[model.name] += 1
        try:
            said = await self._models.ask(
                model,
                prompt,
                schema,
                max_tokens=max_tokens,
                timeout_seconds=min(deadline_seconds, left),
            )
        except Exception as error:  # noqa: BLE001  (whatever it is, the query goes on without)
            result = _RESULTS.get(type(error), Result.BROKEN)  # type: ignore[arg-type]
            # A caller in a hurry says nothing of the model.
            hurried = result is Result.TIMEOUT and left < deadline_seconds
            well = None if hurried else False
            usd = 0.0 if result in NOT_BEGUN else at_most
            asked = replace(asked, result=result, cost_usd=usd)
            self._fails(model, error, told=not hurried)
        else:
            usd = usd_of(model, said, otherwise=at_most)
            well = True
            asked = replace(asked, result=Result.ANSWERED, answer=said.answer, cost_usd=usd)
            self._answers(model)
        finally:
            self._under_way[model.name] -= 1
            settle(usd)
            breaker.settle(permit, model.breaker, well=well)
        return replace(asked, took_ns=self._clock() - began)

    def _breaker(self, name: str) -> CircuitBreaker:
        """Of a model by its name, whatever bundle names it."""
        if name not in self._breakers:
            self._breakers[name] = CircuitBreaker(lambda: self._clock() / 1e9)
        return self._breakers[name]

    def _fails(self, model: Model, error: Exception, *, told: bool) -> None:
        """A line when it begins to fail, and none for each failure."""
        if not told or model.name in self._failing:
            return
        self._failing.add(model.name)
        # What is no error of ours may quote the query.
        why = str(error) if isinstance(error, ModelError) else f"{type(error).__name__} in Waypost"
        _log.warning("model %s was asked in vain: %s; decisions go on without it", model.name, why)

    def _answers(self, model: Model) -> None:
        if model.name in self._failing:
            self._failing.discard(model.name)
            _log.warning("model %s answers again", model.name)
