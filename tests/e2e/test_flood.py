"""More calls at once than the server takes: each is answered or refused in so many words."""

import asyncio
from collections import Counter
from pathlib import Path

import grpc

from tests.e2e.processes import running_server
from waypost.v1 import router_pb2, router_pb2_grpc

FLOOD = 2_500
"""Beyond 1,000 that wait, gRPC by itself drops calls, beyond 3,000 all, and says CANCELLED."""

ROOM = {"WAYPOST_QUEUE_CAPACITY": "50", "WAYPOST_PENDING_CALLS": "10000"}


async def outcomes(address: str) -> Counter[grpc.StatusCode]:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)

        async def ask(number: int) -> grpc.StatusCode:
            request = router_pb2.RouteQueryRequest(text=f"why does test {number} hang")
            try:
                await stub.RouteQuery(request, timeout=60)
            except grpc.aio.AioRpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        return Counter(await asyncio.gather(*map(ask, range(FLOOD))))


async def test_a_flood_is_answered_or_refused_and_nothing_is_dropped(index_folder: Path) -> None:
    with running_server(index_folder, **ROOM) as server:
        found = await outcomes(server.address)
        assert found.keys() <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert found[grpc.StatusCode.OK] >= 50
        again = await outcomes(server.address)
        assert again[grpc.StatusCode.OK] >= 50
