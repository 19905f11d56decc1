"""Callers that ask at a steady pace, and what became of their calls."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from tests.e2e.topics import CLEAR
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client import AsyncClient, WaypostError
from waypost_client._channel import options_of

CALLERS = 4
PAUSE_SECONDS = 0.08
"""Of each of twice `CALLERS`: 100 calls a second."""

TIMEOUT_SECONDS = 10.0


@dataclass
class Load:
    """What callers saw.

    Attributes:
        answered: calls by the version of the bundle that decided, and so by replica.
        retried: calls of callers that count that went wrong at first.
        errors: what callers were left with.
    """

    answered: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    errors: list[str] = field(default_factory=list)

    def taken(self) -> "Load":
        """What has come so far; the counting begins anew."""
        so_far = Load(Counter(self.answered), self.retried, [*self.errors])
        self.answered.clear()
        self.errors.clear()
        self.retried = 0
        return so_far

    def share(self, version: str) -> float:
        """Of the calls that were answered, in [0, 1]."""
        return self.answered[version] / max(1, self.answered.total())

    def add(self, other: "Load") -> None:
        """Counts another one's, too."""
        self.answered.update(other.answered)
        self.errors.extend(other.errors)
        self.retried += other.retried

    def __str__(self) -> str:
        total = max(1, self.answered.total())
        shares = [f"{count / total:.0%}" for _, count in sorted(self.answered.items())]
        return f"{total} answered ({', '.join(shares)}), {self.retried} retried, {self.errors}"


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[Load]:
    """Load on an address: half of it by the client as it is, half by callers that retry once."""
    load, over = Load(), asyncio.Event()
    callers = [
        asyncio.create_task(ask(address, load, over))
        for ask in (_as_the_client_does, _retrying_once)
        for _ in range(CALLERS)
    ]
    try:
        yield load
    finally:
        over.set()
        await asyncio.gather(*callers)


async def _as_the_client_does(address: str, load: Load, over: asyncio.Event) -> None:
    async with AsyncClient(address, timeout_s=TIMEOUT_SECONDS) as client:
        while not over.is_set():
            try:
                load.answered[(await client.route(CLEAR["music"])).index_version] += 1
            except WaypostError as error:
                load.errors.append(f"client: {error}")
            await asyncio.sleep(PAUSE_SECONDS)


async def _retrying_once(address: str, load: Load, over: asyncio.Event) -> None:
    """With gRPC's own retries off, to see how often one was needed."""
    options = [*options_of(1)[0], ("grpc.enable_retries", 0)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        stub: router_pb2_grpc.RouterServiceAsyncStub = router_pb2_grpc.RouterServiceStub(channel)
        request = router_pb2.RouteQueryRequest(text=CLEAR["music"])
        while not over.is_set():
            for attempt in range(2):
                try:
                    answer = await stub.RouteQuery(request, timeout=TIMEOUT_SECONDS)
                except grpc.aio.AioRpcError as error:
                    if attempt or error.code() is not grpc.StatusCode.UNAVAILABLE:
                        load.errors.append(f"{error.code().name}: {error.details()}")
                        break
                    load.retried += 1
                else:
                    load.answered[answer.contract.index_version] += 1
                    break
            await asyncio.sleep(PAUSE_SECONDS)
