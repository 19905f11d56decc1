"""Callers of every kind, at a bounded rate."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import grpc

from tests.e2e.processes import ServerProcess
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client import (
    AsyncAdminClient,
    AsyncClient,
    Contract,
    SpecialistOutcome,
    WaypostError,
)
from waypost_server.core.query import MAX_BATCH

Act = Callable[[AsyncClient, str, ServerProcess], Awaitable[None]]
"""With a client, a text of its own, and the server's address."""

PERIODS_SECONDS = {
    "single": 0.02,
    "batch": 0.5,
    "stream": 1.0,
    "reroute": 0.1,
    "report": 0.05,
    "list": 0.5,
    "specialist": 0.2,
    "status": 1.0,
    "bad request": 0.1,
    "bytes": 0.2,
    "left": 0.2,
    "reconnect": 0.5,
}
"""How often each is done: about 150 queries a second together, a third of what one core does."""


REPORTERS = 32


async def fill(server: ServerProcess, decisions: int) -> None:
    """Has so many decisions made and reported, as quickly as can be."""
    async with AsyncClient(server.address, timeout_s=60) as client:

        async def report(numbers: Iterator[int]) -> None:
            for _ in numbers:
                results = await client.route_many(["why does it hang"] * MAX_BATCH)
                for contract in results:
                    if isinstance(contract, Contract):
                        await client.report(
                            contract.decision_id, SpecialistOutcome.ACCEPTED, route=contract.route
                        )

        numbers = iter(range(math.ceil(decisions / MAX_BATCH)))
        await asyncio.gather(*(report(numbers) for _ in range(REPORTERS)))


async def run(server: ServerProcess, seconds: float) -> tuple[Counter[str], Counter[str]]:
    """Does all of it for so long; how often each was done, and what ended in an error."""
    done: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    numbers = count()

    async def repeat(client: AsyncClient, name: str, act: Act, period: float) -> None:
        while True:
            try:
                await act(client, f"why does step {next(numbers)} of {name} hang", server)
                done[name] += 1
            except (WaypostError, grpc.aio.AioRpcError) as error:
                code = error.code if isinstance(error, WaypostError) else error.code()
                failed[f"{name}: {code.name}"] += 1
            await asyncio.sleep(period)

    async with AsyncClient(server.address, timeout_s=30) as client:
        callers = [
            asyncio.create_task(repeat(client, name, ACTS[name], period))
            for name, period in PERIODS_SECONDS.items()
        ]
        await asyncio.wait(callers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for caller in callers:
            if caller.done():
                await caller  # raises what it met
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    return done, failed


async def _single(client: AsyncClient, text: str, server: ServerProcess) -> None:
    await client.route(text, tenant=text[-1], explain=True)


async def _batch(client: AsyncClient, text: str, server: ServerProcess) -> None:
    await client.route_many([f"{text} {number}" for number in range(16)])


async def _stream(client: AsyncClient, text: str, server: ServerProcess) -> None:
    async def queries() -> AsyncIterator[router_pb2.StreamQueriesRequest]:
        for number in range(8):
            query = router_pb2.RouteQueryRequest(text=text, request_id=str(number))
            yield router_pb2.StreamQueriesRequest(query=query)

    async for _ in client.router.StreamQueries(queries()):
        pass


async def _reroute(client: AsyncClient, text: str, server: ServerProcess) -> None:
    first = await client.route(text)
    await client.reroute(text, decision_id=first.decision_id, rejected_routes=[first.route])


async def _report(client: AsyncClient, text: str, server: ServerProcess) -> None:
    contract = await client.route(text)
    await client.report(contract.decision_id, SpecialistOutcome.ACCEPTED, route=contract.route)


async def _listing(client: AsyncClient, text: str, server: ServerProcess) -> None:
    await client.routes()
    await client.contract_schema()


async def _specialist(client: AsyncClient, text: str, server: ServerProcess) -> None:
    await client.specialist((await client.route(text)).route)


async def _status(client: AsyncClient, text: str, server: ServerProcess) -> None:
    async with AsyncAdminClient(server.admin_address, timeout_s=30) as admin:
        await admin.status()


async def _bad_request(client: AsyncClient, text: str, server: ServerProcess) -> None:
    try:
        await client.route(text, allowed_routes=["no such route"])
    except WaypostError as error:
        if error.code is not grpc.StatusCode.INVALID_ARGUMENT:
            raise


async def _raw_bytes(client: AsyncClient, text: str, server: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        call: Any = channel.unary_unary("/waypost.v1.RouterService/RouteQuery")
        try:
            await call(b"\xff" + text.encode(), timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise


async def _left(client: AsyncClient, text: str, server: ServerProcess) -> None:
    call = client.router.RouteQuery(router_pb2.RouteQueryRequest(text=text))
    await asyncio.sleep(0.001)
    call.cancel()


async def _reconnect(client: AsyncClient, text: str, server: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)
        await stub.RouteQuery(router_pb2.RouteQueryRequest(text=text), timeout=30)


ACTS: dict[str, Act] = {
    "single": _single,
    "batch": _batch,
    "stream": _stream,
    "reroute": _reroute,
    "report": _report,
    "list": _listing,
    "specialist": _specialist,
    "status": _status,
    "bad request": _bad_request,
    "bytes": _raw_bytes,
    "left": _left,
    "reconnect": _reconnect,
}
