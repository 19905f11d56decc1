"""Specialists' prompts, fetched once and kept by their hashes."""

import asyncio
import hashlib
from collections import OrderedDict

from waypost_client import AsyncClient, Specialist

KEPT = 1_000
"""Prompts at most; a prompt is some kilobytes."""


class Specialists:
    """Fetches from one router. For one event loop."""

    def __init__(self, router: AsyncClient) -> None:
        self._router = router
        self._prompts: OrderedDict[str, str] = OrderedDict({"": ""})
        self._fetching: dict[tuple[str, str, str], asyncio.Task[Specialist]] = {}

    async def prompt(self, route: str, prompt_sha256: str, *, shadow: str = "") -> str:
        """The system prompt with this hash; of the route's shadow candidate, if one is named.

        Where the router has taken up newer routes meanwhile, it is the newer prompt.

        Raises:
            WaypostError: the router cannot be asked, or has no such route any more.
        """
        known = self._prompts.get(prompt_sha256)
        if known is not None:
            self._prompts.move_to_end(prompt_sha256)
            return known
        fetched = await self._fetch(route, prompt_sha256, shadow)
        return fetched.prompt or ""

    async def specialist(self, route: str) -> Specialist:
        """A route's specialist as it is now; raises WaypostError when it cannot be had."""
        return await self._fetch(route, "", "")

    async def _fetch(self, route: str, prompt_sha256: str, shadow: str) -> Specialist:
        """Asks once for all who want the same at a time, whoever of them goes away."""
        key = route, prompt_sha256, shadow
        if key not in self._fetching:
            task = asyncio.create_task(self._router.specialist(route, shadow=shadow))
            self._fetching[key] = task
            task.add_done_callback(lambda done: self._fetched(key, done))
        fetched = await asyncio.shield(self._fetching[key])
        prompt = fetched.prompt or ""
        self._keep(hashlib.sha256(prompt.encode()).hexdigest() if prompt else "", prompt)
        return fetched

    def _fetched(self, key: tuple[str, str, str], task: asyncio.Task[Specialist]) -> None:
        self._fetching.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, in case that nobody waits for it any more

    def _keep(self, prompt_sha256: str, prompt: str) -> None:
        self._prompts[prompt_sha256] = prompt
        self._prompts.move_to_end(prompt_sha256)
        while len(self._prompts) > KEPT:
            self._prompts.popitem(last=False)
