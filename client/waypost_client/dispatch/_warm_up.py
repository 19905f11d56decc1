"""Keeps models warm that are rarely used, so that the first call in a while is not slow."""

import asyncio
from collections.abc import Callable, Container
from contextvars import Context

from waypost_client import AttemptRole, Model, Sampling, SpecialistRef
from waypost_client.dispatch._call import Aim
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._failures import ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._messages import Message, Prompt, Role
from waypost_client.dispatch._providers._provider import ModelRequest

LIMIT_S = 60.0
"""A model that has to be loaded first may take so long."""

MOST_KEPT = 100
"""Models; each has a task, and a router that names ever new ones must not fill the memory."""

LEAST_IDLE_S = 0.1
"""Between two calls, whatever a router says: each costs money."""

PROMPT = Prompt("", "", (Message(Role.USER, "."),), "")
ONE_TOKEN = Sampling(temperature=None, top_p=None, max_output_tokens=1, stop=(), seed=None)


class WarmUp:
    """Calls each model whose fleet entry asks for it once it was idle so long. One event loop."""

    def __init__(self, caller: ModelCaller, counts: Counts, *, clock: Callable[[], float]) -> None:
        self._caller = caller
        self._counts = counts
        self._clock = clock
        self._keeping: dict[str, tuple[Model, asyncio.Task[None]]] = {}

    def saw(self, ref: SpecialistRef) -> None:
        """Takes note of a specialist's models."""
        for model in ref.models:
            known = self._keeping.get(model.name)
            if known and known[0] is not model and known[0] != model:
                known[1].cancel()
                del self._keeping[model.name]
                known = None
            if known is None and model.warm_up_after_ms and len(self._keeping) < MOST_KEPT:
                # Not in the trace of the query that it began beside.
                keeper = asyncio.create_task(self._keep(model), context=Context())
                self._keeping[model.name] = model, keeper

    def keep_only(self, names: Container[str]) -> None:
        """Lets all other models go cold: no route has them any more."""
        for name in [name for name in self._keeping if name not in names]:
            _, keeper = self._keeping.pop(name)
            keeper.cancel()

    async def load(self, ref: SpecialistRef) -> None:
        """Loads the SDKs that a specialist's models need; that takes seconds."""
        for model in ref.models:
            await self._caller.load(model)

    async def close(self) -> None:
        """Ends it."""
        keepers = [keeper for _, keeper in self._keeping.values()]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, model: Model) -> None:
        idle_s = max(model.warm_up_after_ms / 1000, LEAST_IDLE_S)
        began = self._clock()
        while True:
            last = max(self._caller.last_called.get((model.name,)) or began, began)
            left_s = last + idle_s - self._clock()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            await self._call(model)
            began = self._clock()

    async def _call(self, model: Model) -> None:
        now = self._clock()
        ledger = Ledger(self._clock, now, now + LIMIT_S, max_calls=1)
        aim = Aim(route="", role=AttemptRole.UNSPECIFIED, limit_s=LIMIT_S)
        request = ModelRequest(model=model, prompt=PROMPT, sampling=ONE_TOKEN)
        try:
            await self._caller.call(request, ledger, aim)
        except ModelError:
            return  # its breaker has heard of it
        self._counts.warm_ups += 1
