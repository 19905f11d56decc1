"""The router's specialists, looked up in the background, before a query needs them."""

import asyncio
from collections.abc import Callable
from contextvars import Context

from waypost_client import AsyncClient, Contract, Specialist, WaypostError
from waypost_client.dispatch._specialists import Specialists
from waypost_client.dispatch._warm_up import WarmUp

PAUSE_S = 5.0
"""Between two looks at the router, however often it changes."""

MOST = 100
"""Specialists that are looked up: their prompts are then at hand, and their models can be kept
warm. Of more routes, those that are asked for are."""


class Survey:
    """Keeps up with one router. For one event loop."""

    def __init__(
        self,
        router: AsyncClient,
        specialists: Specialists,
        warm_up: WarmUp,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._router = router
        self._specialists = specialists
        self._warm_up = warm_up
        self._clock = clock
        self._generalist: Specialist | None = None
        self._version = ""
        self._looked_at = -PAUSE_S
        self._looking: asyncio.Task[None] | None = None

    @property
    def may_begin(self) -> Specialist | None:
        """The default route's specialist, if its policy lets it begin before the decision."""
        known = self._generalist
        if known is None or not known.ref.models:
            return None
        policy = known.ref.policy
        return known if policy.speculative and not policy.not_idempotent else None

    def begin(self) -> None:
        """Looks at all routes."""
        self._looked_at = self._clock()
        # Not in the trace of the query that it began beside.
        self._looking = asyncio.create_task(self._look(), context=Context())

    def saw(self, contract: Contract) -> None:
        """Looks again, in the background, when the routes are not those that it knows."""
        self._warm_up.saw(contract.specialist)
        if contract.index_version != self._version:
            self._version = ""  # a look is owed, even if the next contract has the version it knew
            if self._is_rested():
                self.begin()

    def was_wrong(self) -> None:
        """What it knows is not what the router says now; it looks again at the next contract."""
        self._generalist, self._version = None, ""

    async def close(self) -> None:
        """Ends what is under way."""
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _is_rested(self) -> bool:
        done = self._looking is None or self._looking.done()
        return done and self._clock() - self._looked_at >= PAUSE_S

    async def _look(self) -> None:
        try:
            routes = await self._router.routes()
            self._generalist = await self._specialists.specialist(routes.default_route)
            models: set[str] = set()
            for route in routes.routes[:MOST]:
                specialist = await self._specialists.specialist(route.name)
                models.update(model.name for model in specialist.ref.models)
                self._warm_up.saw(specialist.ref)
                await self._warm_up.load(specialist.ref)
        except WaypostError:
            return  # a head start is a favour; the next contract lets it try again
        self._warm_up.keep_only(models)  # one that only later routes have waits for its contract
        self._version = routes.index_version
