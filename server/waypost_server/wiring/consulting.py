"""Wires what asks language models, and where their choices are kept for review."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from waypost_server.adapters.openai_model import NOT_INSTALLED, OpenAIModel
from waypost_server.adapters.review_file import Kept, ReviewFile
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import ModelRefusedError, ReviewError
from waypost_server.core.review import Example
from waypost_server.service.completing import Completing
from waypost_server.service.consulting import Consulting
from waypost_server.service.escalating import Escalating
from waypost_server.service.paying import Paying
from waypost_server.service.reviewing import Reviewing
from waypost_server.settings import Settings
from waypost_server.settings.secrets import key_in

_log = logging.getLogger(__name__)


class Advice:
    """All of it, for one process.

    Attributes:
        consulting: asks.
        escalating: decides what the encoder is not sure of.
        completing: finds parameters that extractors did not.
    """

    def __init__(
        self,
        models: OpenAIModel,
        consulting: Consulting,
        escalating: Escalating,
        completing: Completing,
        reviewing: Reviewing | None,
    ) -> None:
        self.consulting = consulting
        self.escalating = escalating
        self.completing = completing
        self._models = models
        self._reviewing = reviewing

    @classmethod
    def of(cls, settings: Settings, overloaded: Callable[[], bool], paying: Paying) -> Self:
        """Loads nothing: most servers ask nobody, and a later bundle may."""
        models = OpenAIModel(key_in)
        consulting = Consulting(models, paying=paying)
        reviewing = None
        if settings.review_file:
            path, max_bytes = settings.review_file, settings.review_mb * 2**20
            reviewing = Reviewing(adding_to(ReviewFile(path, max_bytes=max_bytes), path))
        escalating = Escalating(
            consulting,
            overloaded=overloaded,
            review=reviewing.keep if reviewing else None,
            uncached_tenants=settings.tenants_without_cache,
        )
        completing = Completing(consulting, overloaded=overloaded)
        return cls(models, consulting, escalating, completing, reviewing)

    async def prepare(self, catalog: Catalog) -> None:
        """Loads what the live bundle asks with, or says what is missing; then nobody waits for it.

        A server without it decides as if nothing were configured.
        """
        asked = dict(_asked(catalog))
        for model, what in asked.items():
            if not self._models.is_installed:
                _log.error("%s, but nobody is asked: %s", what, NOT_INSTALLED)
                return
            variable = catalog.models[model].api_key_env
            if variable and not key_in(variable):
                _log.error("%s, but its key is to be in %s, which is unset", what, variable)
        if asked:
            try:
                await self._models.load()
            except ModelRefusedError as error:
                _log.error("%s, but nobody is asked: %s", "; ".join(asked.values()), error)

    async def close(self) -> None:
        """Ends the connections, and writes what is kept."""
        await self._models.close()
        if self._reviewing:
            await asyncio.to_thread(self._reviewing.close)


def _asked(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Models that the server asks, each with what says so and what for."""
    for route in catalog.routes.values():
        if route.params_model:
            yield (
                route.params_model,
                f"{route.name}/route.yaml has model {route.params_model} find parameters",
            )
    escalation = catalog.taxonomy.escalation
    if escalation:
        yield (
            escalation.model,
            f"taxonomy.yaml has model {escalation.model} decide what the encoder is not sure of",
        )


def adding_to(file: ReviewFile, path: Path) -> Callable[[Example], None]:
    """Adds to a file, and raises ReviewError where that is full."""

    def add(example: Example) -> None:
        if file.add(example) is Kept.FULL:
            raise ReviewError(
                f"{path} is full; `waypost review` makes room, or a larger WAYPOST_REVIEW_MB"
            )

    return add
