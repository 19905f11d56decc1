"""The health service, without a server around it."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from waypost_server.service.health import NOT_SERVING, SERVICE_UNKNOWN, SERVING, HealthServicer

ROUTER = health_pb2.HealthCheckRequest(service="router")


class Connected:
    """A server with the health service alone, and a stub of it."""

    async def __aenter__(self) -> tuple[HealthServicer, Any]:
        self._server = grpc.aio.server()
        servicer = HealthServicer(["", "router"])
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        return servicer, health_pb2_grpc.HealthStub(self._channel)

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._server.stop(None)


async def test_readiness_is_off_then_on_then_off_for_good() -> None:
    async with Connected() as (servicer, stub):
        seen = [(await stub.Check(ROUTER)).status]
        servicer.serve()
        seen.append((await stub.Check(ROUTER)).status)
        servicer.shut_down()
        seen.append((await stub.Check(ROUTER)).status)
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]


async def test_a_watcher_is_told_each_change_and_let_go_at_the_end() -> None:
    async with Connected() as (servicer, stub):
        watch = aiter(stub.Watch(ROUTER))
        seen = [(await anext(watch)).status]
        servicer.serve()
        seen.append((await anext(watch)).status)
        servicer.shut_down()
        seen.append((await anext(watch)).status)
        servicer.let_go()
        async with asyncio.timeout(5):
            seen += [answer.status async for answer in watch]
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]


async def test_watchers_that_stay_are_told_after_another_has_left() -> None:
    async with Connected() as (servicer, stub):
        leaving, staying = stub.Watch(ROUTER), stub.Watch(ROUTER)
        await leaving.read()
        await staying.read()
        leaving.cancel()
        await asyncio.sleep(0.05)
        servicer.serve()
        async with asyncio.timeout(5):
            assert (await staying.read()).status == SERVING
        staying.cancel()


async def test_an_unknown_service_is_not_found_but_may_be_watched() -> None:
    request = health_pb2.HealthCheckRequest(service="poetry")
    async with Connected() as (_, stub):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(request)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert "'poetry'" in str(caught.value.details())
        watch = stub.Watch(request)
        assert (await watch.read()).status == SERVICE_UNKNOWN
        watch.cancel()
