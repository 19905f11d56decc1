"""Connections that are too old, streams that a stop meets, and a stop that is in a hurry."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.processes import running_server
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client import AsyncClient, Contract


def request(number: int) -> router_pb2.StreamQueriesRequest:
    query = router_pb2.RouteQueryRequest(text=f"why is step {number} slow", request_id=str(number))
    return router_pb2.StreamQueriesRequest(query=query)


async def test_callers_on_an_aged_connection_see_no_error(index_folder: Path) -> None:
    with running_server(index_folder, WAYPOST_CONNECTION_AGE_SECONDS="0.5") as server:
        asking = True

        async def queries() -> AsyncIterator[router_pb2.StreamQueriesRequest]:
            number = 0
            while asking:
                yield request(number)
                number += 1
                await asyncio.sleep(0.05)

        async def streamed(channel: grpc.aio.Channel) -> list[router_pb2.StreamQueriesResponse]:
            call = router_pb2_grpc.RouterServiceStub(channel).StreamQueries(queries())
            return [response async for response in call]

        async def asked(client: AsyncClient) -> list[Contract]:
            found = []
            while asking:
                found.append(await client.route("why is it slow"))
            return found

        # Without retries, which would hide an error.
        options = [("grpc.enable_retries", 0)]
        async with (
            AsyncClient(server.address, timeout_s=30) as client,
            grpc.aio.insecure_channel(server.address, options=options) as channel,
        ):
            everyone = [asyncio.create_task(asked(client)) for _ in range(4)]
            stream = asyncio.create_task(streamed(channel))
            stub = router_pb2_grpc.RouterServiceStub(channel)
            until = time.monotonic() + 3  # six times the age
            while time.monotonic() < until:
                await stub.RouteQuery(request(0).query, timeout=30)
            asking = False
            found = await asyncio.gather(*everyone)
            responses = await stream
        assert all(isinstance(one, Contract) for each in found for one in each)
        assert len(responses) > 20
        assert all(response.result.HasField("contract") for response in responses)


async def test_a_stream_that_a_stop_meets_is_answered_and_ends_soon(index_folder: Path) -> None:
    with running_server(index_folder, WAYPOST_DRAIN_SECONDS="60") as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            call = router_pb2_grpc.RouterServiceStub(channel).StreamQueries()
            for number in range(5):
                await call.write(request(number))
            first: Any = await call.read()
            server.terminate()
            others: list[Any] = []
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await _read_all(call, others)
            assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "another replica" in (ended.value.details() or "")
            found = sorted(response.request_id for response in (first, *others))
            assert found == ["0", "1", "2", "3", "4"]
        assert server.exit_code() == 0  # long before its 60 s


async def _read_all(call: Any, found: list[Any]) -> None:  # noqa: ANN401  (gRPC's types differ)
    while response := await call.read():
        found.append(response)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_server_at_once(
    index_folder: Path, second: signal.Signals
) -> None:
    with running_server(index_folder, WAYPOST_DRAIN_SECONDS="60") as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            # A call that its caller never ends, and that no drain ends for it.
            call: Any = channel.stream_unary("/grpc.health.v1.Health/Check")()
            await call.write(b"")
            await channel.channel_ready()
            server.terminate()
            while "stopping" not in server.log_text():  # noqa: ASYNC110  (only the log tells)
                await asyncio.sleep(0.01)
            server.process.send_signal(second)
            assert server.exit_code() == 0
            call.cancel()
