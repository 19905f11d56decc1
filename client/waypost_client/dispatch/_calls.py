"""Calls of models: each with a breaker, a time limit, retries and a line in the ledger."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import tenacity

from waypost_client import Model
from waypost_client.dispatch._breaker import CircuitBreaker
from waypost_client.dispatch._call import Aim, Call
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._ledger import Attempt, Ledger
from waypost_client.dispatch._providers._provider import ModelRequest, Provider, Reply
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._recent import Recent
from waypost_client.dispatch._retries import RetryBudget, may_retry, wait_before_retry
from waypost_client.dispatch._spans import model_span

MODELS = 10_000
"""Models whose breakers are remembered, a few hundred bytes each."""

_log = logging.getLogger(__name__)


class Show(Protocol):
    """Where the pieces of a stream go."""

    @property
    def has_shown(self) -> bool:
        """Whether the user has seen any of it, so that it cannot be taken back."""

    async def feed(self, piece: str) -> None:
        """Takes the next piece; raises ModelError to end the stream."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was answered, and its line for the ledger, once the answer is looked at."""

    reply: Reply
    attempt: Attempt


class ModelCaller:
    """Calls models for all queries of a dispatcher. For one event loop."""

    def __init__(self, providers: Providers, counts: Counts, *, clock: Callable[[], float]) -> None:
        self._providers = providers
        self._counts = counts
        self._clock = clock
        self._breakers: Recent[CircuitBreaker] = Recent(MODELS)
        self._budget = RetryBudget()
        self.last_called: Recent[float] = Recent(MODELS)

    def breaker(self, model: Model) -> CircuitBreaker:
        """The model's circuit breaker."""
        # Another endpoint under the same name begins afresh.
        endpoint = model.name, model.base_url, model.model_id
        breaker = self._breakers.of(endpoint, lambda: CircuitBreaker(model.breaker, self._clock))
        breaker.follow(model.breaker)
        return breaker

    async def load(self, model: Model) -> None:
        """Loads the SDK that a call of `model` needs, so that its time does not begin before."""
        await self._providers.load(model)

    async def call(
        self, request: ModelRequest, ledger: Ledger, aim: Aim, show: Show | None = None
    ) -> Made:
        """Calls a model, again where that is worth it.

        Args:
            request: the call.
            ledger: takes a line for each call that failed.
            aim: what it is for and what it may take.
            show: where the pieces go; None for nowhere.

        Raises:
            ModelError: the last call failed, or none may be made.
        """
        await self.load(request.model)
        ends = self._clock() + aim.limit_s

        def again(state: tenacity.RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            worth_it = (
                isinstance(error, ModelError)
                and state.attempt_number <= request.model.retries
                and not (show and show.has_shown)
                and ledger.calls_left > 0
                and may_retry(
                    error,
                    others=aim.others,
                    idempotent=aim.idempotent,
                    time_left_s=ends - self._clock(),
                )
                and self._budget.take()
            )
            self._counts.retries += worth_it
            return worth_it

        self._budget.called()
        tries = tenacity.AsyncRetrying(retry=again, wait=wait_before_retry, reraise=True)
        return await tries(self._once, request, ledger, aim, ends, show)

    async def _once(
        self, request: ModelRequest, ledger: Ledger, aim: Aim, ends: float, show: Show | None
    ) -> Made:
        call = Call(request.model, aim, ledger, self.breaker(request.model), self._clock(), ends)
        if ledger.calls_left <= 0:
            raise ModelError(
                FailureKind.CALL_LIMIT, f"{ledger.calls} calls were made, as many as may be"
            )
        try:
            provider = self._providers.of(request.model)
            permit = call.admitted()
        except ModelError as error:
            raise call.failed(error) from None
        call.was_made = True
        ledger.calls += 1
        self.last_called.put((request.model.name,), call.started)
        try:
            reply = await self._answered(provider, request, call, show)
        except ModelError as error:
            call.settle(permit, error)
            raise call.failed(error) from None
        except asyncio.CancelledError:
            why = call.ended_by_caller()
            call.settle(permit, why)
            call.failed(why)
            raise
        call.settle(permit)
        return Made(reply, call.line(reply=reply))

    async def _answered(
        self, provider: Provider, request: ModelRequest, call: Call, show: Show | None
    ) -> Reply:
        with model_span(request.model, call.aim.route, call.aim.role) as span:
            try:
                reply = await self._asked(provider, request, call, show)
            except ModelError as error:
                span.failed(error.kind)
                raise
            if reply.usage:
                span.note(
                    {
                        "gen_ai.usage.input_tokens": reply.usage.input_tokens,
                        "gen_ai.usage.output_tokens": reply.usage.output_tokens,
                    }
                )
            return reply

    async def _asked(
        self, provider: Provider, request: ModelRequest, call: Call, show: Show | None
    ) -> Reply:
        try:
            async with asyncio.timeout_at(call.ends) as limit:
                if show is None and call.aim.first_token_s is None:
                    return await provider.complete(request)
                async with aclosing(provider.stream(request)) as pieces:
                    return await self._streamed(pieces, call, limit, show)
        except TimeoutError:
            raise call.too_late() from None
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  (a bug in a provider ends one call, not a query)
            # Its text may hold the prompt.
            _log.error("the provider of %s raised %s", request.model.name, type(error).__name__)
            raise ModelError(
                FailureKind.BROKEN, f"its provider raised {type(error).__name__}"
            ) from None

    async def _streamed(
        self,
        pieces: AsyncGenerator[str | Reply, None],
        call: Call,
        limit: asyncio.Timeout,
        show: Show | None,
    ) -> Reply:
        if call.aim.first_token_s is not None:
            limit.reschedule(min(call.ends, call.started + call.aim.first_token_s))
        async for piece in pieces:
            if call.first_token_s is None:
                call.first_token_s = call.took_s
                limit.reschedule(call.ends)
            if isinstance(piece, Reply):
                return piece
            if show is not None:
                await self._fed(show, piece, call, limit)
        raise ModelError(FailureKind.CUT, "the stream ended without an end")

    async def _fed(self, show: Show, piece: str, call: Call, limit: asyncio.Timeout) -> None:
        """Shows a piece; the time that whoever reads it takes is not the model's."""
        began, call.awaits_reader = self._clock(), True
        await show.feed(piece)
        call.awaits_reader = False
        call.reader_s += self._clock() - began
        if call.reader_s > 0.001:
            limit.reschedule(min(call.ends + call.reader_s, call.ledger.deadline))
