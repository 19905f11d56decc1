"""Specialists' prompts, fetched once and kept by their hashes."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import replace

from waypost_client import AsyncClient, Contract, Specialist, SpecialistRef
from waypost_client.dispatch._recent import Recent

KEPT, KEPT_CHARACTERS = 1_000, 16 << 20
"""Prompts at most, and characters of all of them; a prompt is some kilobytes."""


class Specialists:
    """Fetches from one router. For one event loop."""

    def __init__(self, router: AsyncClient) -> None:
        self._router = router
        self._prompts: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._last_hash: Recent[str] = Recent(KEPT)
        self._fetching: dict[tuple[str, str, str], asyncio.Task[Specialist]] = {}

    async def prompt(self, route: str, prompt_sha256: str, *, shadow: str = "") -> str:
        """The system prompt with this hash; of the route's shadow candidate, if one is named.

        Where the router has taken up newer routes meanwhile, it is the newer prompt.

        Raises:
            WaypostError: the router cannot be asked, or has no such route any more.
        """
        if not prompt_sha256:
            return ""
        known = self._prompts.get(prompt_sha256)
        if known is not None:
            self._prompts.move_to_end(prompt_sha256)
            return known
        fetched = await self._fetch(route, prompt_sha256, shadow)
        return fetched.prompt or ""

    async def specialist(self, route: str) -> Specialist:
        """A route's specialist as it is now; raises WaypostError when it cannot be had."""
        last = self._last_hash.get((route,)) or ""
        fetched = await self._fetch(route, "", "", known=last if last in self._prompts else "")
        if fetched.prompt is not None:
            return fetched
        return replace(fetched, prompt=await self.prompt(route, fetched.ref.prompt_sha256))

    async def _fetch(
        self, route: str, prompt_sha256: str, shadow: str, *, known: str = ""
    ) -> Specialist:
        """Asks once for all who want the same at a time, whoever of them goes away."""
        key = route, prompt_sha256, shadow
        if key not in self._fetching:
            task = asyncio.create_task(
                self._router.specialist(route, known_prompt_sha256=known, shadow=shadow)
            )
            self._fetching[key] = task
            task.add_done_callback(lambda done: self._fetched(key, done))
        fetched = await asyncio.shield(self._fetching[key])
        if fetched.prompt:
            fetched_sha256 = hashlib.sha256(fetched.prompt.encode()).hexdigest()
            self._keep(fetched_sha256, fetched.prompt)
            if not shadow:
                self._last_hash.put((route,), fetched_sha256)
        return fetched

    def _fetched(self, key: tuple[str, str, str], task: asyncio.Task[Specialist]) -> None:
        self._fetching.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, in case that nobody waits for it any more

    def _keep(self, prompt_sha256: str, prompt: str) -> None:
        self._characters += len(prompt) - len(self._prompts.pop(prompt_sha256, ""))
        self._prompts[prompt_sha256] = prompt
        while len(self._prompts) > KEPT or self._characters > KEPT_CHARACTERS:
            self._characters -= len(self._prompts.popitem(last=False)[1])


def without_excluded(ref: SpecialistRef, contract: Contract) -> SpecialistRef:
    """A specialist without the models that a decision excludes: its query may not go there."""
    excluded = {each.name for each in contract.specialist.excluded_models}
    if not excluded:
        return ref
    return replace(
        ref,
        models=tuple(model for model in ref.models if model.name not in excluded),
        helper_models=tuple(model for model in ref.helper_models if model.name not in excluded),
        excluded_models=(
            *ref.excluded_models,
            *(
                each
                for each in contract.specialist.excluded_models
                if any(model.name == each.name for model in ref.models)
            ),
        ),
    )
