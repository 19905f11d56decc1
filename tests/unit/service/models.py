"""A language model of the tests, behind core's port."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from waypost_server.core.budgets import Budgets
from waypost_server.core.catalog import Model
from waypost_server.core.language_model import Prompt, Said
from waypost_server.service.paying import Paying


class FakeModel:
    """Implements LanguageModel: says what it is told to, or raises it.

    Attributes:
        says: the answer, or what is raised.
        asked: every prompt, with the seconds that it was given.
        gate: it answers once this is set.
        tokens: that it says it read and wrote.
    """

    def __init__(self, says: Any = None) -> None:  # noqa: ANN401  (what JSON knows)
        self.says = says
        self.asked: list[tuple[Prompt, float]] = []
        self.schemas: list[Mapping[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.tokens = (0, 0)

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        schema: Mapping[str, Any],
        *,
        max_tokens: int,
        timeout_seconds: float,
    ) -> Said:
        self.asked.append((prompt, timeout_seconds))
        self.schemas.append(schema)
        await self.gate.wait()
        if isinstance(self.says, Exception):
            raise self.says
        return Said(self.says, *self.tokens)

    async def close(self) -> None:
        pass


def free() -> Paying:
    """Accounts of which nobody needs one."""
    return Paying(Budgets(time.time))
