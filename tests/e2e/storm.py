"""Queries by the hundred, while models fail."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import ServerProcess, running_server
from tests.llm_server import (
    Answer,
    Behaviour,
    Call,
    ContentFilter,
    ContextOverflow,
    CutInTheMiddle,
    Escalates,
    Fails,
    Hangs,
    LlmServer,
    MalformedJson,
    RateLimited,
)
from waypost_client import Contract
from waypost_client.dispatch import Attempt, Dispatcher, DispatchError

DEADLINE_S = 3.0
AT_ONCE = 32
FAILING = 0.2
"""Share of the calls of living models that fail."""

FAILURES: tuple[Behaviour, ...] = (
    RateLimited("0.05"),
    RateLimited(5),
    Fails(500),
    Fails(503),
    CutInTheMiddle(after=0),
    CutInTheMiddle(after=2),
    MalformedJson(after=0),
    ContentFilter(as_error=True),
    ContextOverflow(),
    Escalates("not mine", as_text=True),
    Hangs(),
)
MODELS = {
    "dead": "retries: 0, breaker: {failures: 5, open_seconds: 60}",
    "first": "retries: 1, breaker: {failures: 50, open_seconds: 1}",
    "second": "retries: 1, breaker: {failures: 50, open_seconds: 1}",
}
SPECIALISTS = dict.fromkeys(QUERIES, "{models: [dead, first, second], max_calls: 6}") | {
    DEFAULT: "{models: [second, first]}"
}


@dataclass(frozen=True, slots=True)
class End:
    """How a query ended.

    Attributes:
        kind: "Answer", or the error's name.
        contracts: the router's decisions.
        attempts: the calls of models.
        overrun_s: how long after its deadline, in seconds; negative for before.
    """

    kind: str
    contracts: tuple[Contract, ...]
    attempts: tuple[Attempt, ...]
    overrun_s: float

    @property
    def calls(self) -> int:
        """Calls that were made."""
        return sum(attempt.error != "breaker_open" for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of all queries.

    Attributes:
        ends: of each.
        lag_s: how late the event loop was at worst: the machine's own part of every delay.
        took_s: from the first query to the last end.
    """

    ends: list[End]
    lag_s: float
    took_s: float


@asynccontextmanager
async def stormy_world(folder: Path, llm: LlmServer) -> AsyncIterator[ServerProcess]:
    """A router whose fleet has a dead model and two moody ones."""
    fate = random.Random(5)  # noqa: S311

    def moody(call: Call) -> Behaviour:
        return fate.choice(FAILURES) if fate.random() < FAILING else Answer("a good answer")

    llm.always("dead", Hangs())
    llm.always("first", moody)
    llm.always("second", moody)
    routes = routes_folder(folder / "routes", llm, models=MODELS, specialists=SPECIALISTS)
    await asyncio.to_thread(build, routes, folder / "index")
    with running_server(folder / "index") as server:
        yield server


async def storm(dispatcher: Dispatcher, count: int) -> Storm:
    """Asks so many queries, some at a time, half of them streamed."""
    clock = asyncio.get_running_loop().time
    room = asyncio.Semaphore(AT_ONCE)
    lag_s = 0.0

    async def watch() -> None:
        nonlocal lag_s
        while True:
            before = clock()
            await asyncio.sleep(0.01)
            lag_s = max(lag_s, clock() - before - 0.01)

    async def one(number: int) -> End:
        query = list(QUERIES.values())[number % len(QUERIES)]
        async with room:
            began = clock()
            try:
                ended: Any = await _asked(dispatcher, query, streamed=number % 2 == 0)
            except DispatchError as error:
                ended = error
            late = clock() - began - DEADLINE_S
            return End(type(ended).__name__, ended.contracts, ended.attempts, late)

    first = await one(0)  # alone, because an SDK is loaded with it
    # As a program would that keeps deadlines: or the collector looks at all of the SDK, for 0.1 s.
    gc.collect()
    gc.freeze()
    watching = asyncio.create_task(watch())
    began = clock()
    ends = [first, *await asyncio.gather(*(one(number) for number in range(1, count)))]
    took_s = clock() - began
    watching.cancel()
    gc.unfreeze()
    return Storm(ends, lag_s, took_s)


async def _asked(dispatcher: Dispatcher, query: str, *, streamed: bool) -> Any:  # noqa: ANN401
    if not streamed:
        return await dispatcher.answer(query, timeout_s=DEADLINE_S)
    async with dispatcher.stream(query, timeout_s=DEADLINE_S) as pieces:
        shown = [piece async for piece in pieces]
    assert "".join(shown) == pieces.answer.text
    return pieces.answer
