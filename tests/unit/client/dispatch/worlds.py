"""A router and models of the tests, and a dispatcher between them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic  # noqa: F401  (seconds that no test's deadline should pay for)
import openai  # noqa: F401

from tests.llm_server import LlmServer
from tests.scripted_router import ScriptedRouter, Specialist, model, scripted_router, specialist
from waypost.v1 import contract_pb2
from waypost_client.dispatch import Answer, Attempt, Dispatcher, DispatchError

Model = contract_pb2.Model


@dataclass
class World:
    """What a test needs to ask and to look at."""

    router: ScriptedRouter
    dispatcher: Dispatcher
    llm: LlmServer

    async def reports(self, count: int) -> Sequence[Any]:
        """The reports, once so many have come."""
        await self.llm.until(lambda: len(self.router.reports) >= count)
        return self.router.reports


def at(llm: LlmServer, name: str, **fields: Any) -> Model:  # noqa: ANN401  (fields of Model)
    """A model behind the scripted server, in the format that its provider speaks."""
    url = llm.anthropic_url if fields.get("provider") == "anthropic" else llm.openai_url
    return model(name, base_url=url, **fields)


@asynccontextmanager
async def world(
    llm: LlmServer,
    specialists: Mapping[str, Specialist] | Sequence[Model],
    *,
    router: Mapping[str, Any] | None = None,
    **dispatcher: Any,  # noqa: ANN401  (arguments of Dispatcher)
) -> AsyncIterator[World]:
    """One route called "code" with these models, or several specialists."""
    if not isinstance(specialists, Mapping):
        specialists = {"code": specialist(specialists)}
    async with (
        scripted_router(dict(specialists), **(router or {})) as routing,
        Dispatcher(routing.address, **dispatcher) as dispatching,
    ):
        yield World(routing, dispatching, llm)


async def told(world: World, query: str = "hi", *, streamed: bool, **arguments: Any) -> Answer:  # noqa: ANN401
    """The answer, asked for in one of both ways; what was shown is what it says."""
    if not streamed:
        return await world.dispatcher.answer(query, **arguments)
    async with world.dispatcher.stream(query, **arguments) as pieces:
        shown = [piece async for piece in pieces]
    assert "".join(shown) == pieces.answer.text
    return pieces.answer


def tries(ended: Answer | DispatchError) -> list[tuple[str, str]]:
    """Each call's model and how it ended."""
    return [(attempt.model, attempt.error or "ok") for attempt in ended.attempts]


def took(ended: Answer | DispatchError, name: str) -> list[Attempt]:
    """The calls of one model."""
    return [attempt for attempt in ended.attempts if attempt.model == name]
