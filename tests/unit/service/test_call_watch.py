"""Who watches calls sees the status that their callers see."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import ANYWHERE, FailingEncoder, GatedEncoder, engine_of
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_server.adapters.memory_state import MemoryState
from waypost_server.core.outcomes import Outcomes
from waypost_server.service.call_watch import End, WatchInterceptor
from waypost_server.service.doors import Doors
from waypost_server.service.interceptor import Context
from waypost_server.service.parts import Parts
from waypost_server.service.process import this_process
from waypost_server.service.server import Server
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live, Served
from waypost_server.service.workers import Workers

PREFIX = "waypost.v1.RouterService/"


class Watcher:
    """Remembers what it sees."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.unread_count = 0

    def began(self, method: str, context: Context) -> End:
        self.begun.append(method)
        return lambda code: self.ended.append((method.removeprefix(PREFIX), code))

    def unread(self) -> None:
        self.unread_count += 1


@asynccontextmanager
async def watched(
    encoder: HashEncoder, folder: Path
) -> AsyncIterator[tuple["router_pb2_grpc.RouterServiceAsyncStub", Watcher]]:
    watcher = Watcher()
    workers, outcomes = Workers(threads=1, capacity=1), Outcomes(lambda: 0.0)
    server = Server(
        Parts(
            live=Live(Served.of(engine_of(encoder, folder))),
            workers=workers,
            outcomes=outcomes,
            shared=Shared(MemoryState(), outcomes.breakers, this_process()),
        ),
        ANYWHERE,
        Doors(),
        server_version="test",
        interceptors=[WatchInterceptor([watcher])],
    )
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield router_pb2_grpc.RouterServiceStub(channel), watcher
    await server.stop(0)


def query(text: str) -> router_pb2.RouteQueryRequest:
    return router_pb2.RouteQueryRequest(text=text)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  (a test may look again and again)
            await asyncio.sleep(0.01)


async def test_each_call_is_seen_with_the_code_that_it_ends_with(tmp_path: Path) -> None:
    async with watched(FailingEncoder(), tmp_path) as (router, watcher):
        codes = []
        for text in ("a red apple", "", "boom"):
            try:
                await router.RouteQuery(query(text))
                codes.append("OK")
            except grpc.aio.AioRpcError as error:
                codes.append(error.code().name)
        assert codes == ["OK", "INVALID_ARGUMENT", "INTERNAL"]
        assert watcher.ended == [("RouteQuery", code) for code in codes]
        assert watcher.begun == [f"{PREFIX}RouteQuery"] * 3


async def test_a_stream_is_one_call(tmp_path: Path) -> None:
    async with watched(HashEncoder(), tmp_path) as (router, watcher):
        requests = [
            router_pb2.StreamQueriesRequest(
                query=router_pb2.RouteQueryRequest(text="a pear", request_id=str(i))
            )
            for i in range(3)
        ]
        answers = [answer async for answer in router.StreamQueries(iter(requests))]
        assert len(answers) == 3
        await until(lambda: bool(watcher.ended))
        assert watcher.ended == [("StreamQueries", "OK")]


async def test_a_caller_who_goes_is_seen_to_go(tmp_path: Path) -> None:
    encoder = GatedEncoder()
    async with watched(encoder, tmp_path) as (router, watcher):
        encoder.gate.clear()
        call = router.RouteQuery(query("a pear"))
        await until(lambda: len(watcher.begun) == 1)
        call.cancel()
        await until(lambda: bool(watcher.ended))
        encoder.gate.set()
        assert watcher.ended == [("RouteQuery", "CANCELLED")]


async def test_a_call_that_ends_before_its_request_is_there_is_seen_too(tmp_path: Path) -> None:
    async with watched(HashEncoder(), tmp_path) as (router, watcher):
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError, match="larger than max"):
                await router.RouteQuery(query("x" * (ANYWHERE.max_message_bytes + 1)))
        await router.RouteQuery(query("a pear"))
        await until(lambda: watcher.unread_count == 3)
        assert watcher.ended == [("RouteQuery", "OK")]
