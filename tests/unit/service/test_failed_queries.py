"""What is told of queries that end without an answer."""

import asyncio
import logging
from pathlib import Path

import grpc
import pytest

from tests.unit.service.engines import (
    PRIVATE,
    EngineWorkers,
    FailingEncoder,
    GatedEncoder,
    engine_of,
    serving,
)
from waypost.v1 import router_pb2
from waypost_client import (
    Contract,
    DeadlineExceededError,
    InternalError,
    InvalidRequestError,
    OverloadedError,
)
from waypost_server.core.query import MAX_BATCH, MAX_ID_BYTES
from waypost_server.service.caller import Caller
from waypost_server.service.decision_lines import DecisionLines
from waypost_server.service.failures import Failed
from waypost_server.service.router_servicer import BATCH_SHARE


def told(events: list[Failed]) -> list[tuple[str, str, str, str]]:
    return [(each.request_id, each.tenant, each.code, each.error) for each in events]


async def test_each_is_told_by_the_callers_own_id(tmp_path: Path) -> None:
    events: list[Failed] = []
    workers = EngineWorkers(engine_of(FailingEncoder(), tmp_path), threads=1, capacity=16)
    async with serving(workers, failed=events.append) as client:
        with pytest.raises(InvalidRequestError):
            await client.route("an apple", request_id="r-1", tenant="acme", allowed_routes=["x"])
        with pytest.raises(InternalError):
            await client.route("boom", request_id="r-2")
        with pytest.raises(InvalidRequestError):
            await client.reroute("an apple", decision_id="", rejected_routes=[], request_id="r-3")
        assert (await client.route("an apple", request_id="r-4")).decision_id
        queries = [
            router_pb2.RouteQueryRequest(text="an apple", request_id="r-5"),
            router_pb2.RouteQueryRequest(text="boom", request_id="r-6", tenant="acme"),
        ]
        await client.router.RouteQueries(router_pb2.RouteQueriesRequest(queries=queries))
    assert told(events) == [
        ("r-1", "acme", "INVALID_ARGUMENT", "InvalidQueryError"),
        ("r-2", "", "INTERNAL", "RuntimeError"),
        ("r-3", "", "INVALID_ARGUMENT", "InvalidQueryError"),
        ("r-6", "acme", "INTERNAL", "RuntimeError"),
    ]
    assert PRIVATE not in repr(events)


async def test_of_ids_that_are_too_long_the_first_bytes_are_told(tmp_path: Path) -> None:
    events: list[Failed] = []
    workers = EngineWorkers(engine_of(GatedEncoder(), tmp_path), threads=1, capacity=16)
    async with serving(workers, failed=events.append) as client:
        with pytest.raises(InvalidRequestError):
            await client.route("an apple", request_id="r" * 500_000, tenant="ü" * 200_000)
        with pytest.raises(InvalidRequestError):
            await client.route("an apple", request_id=f"r{'ü' * MAX_ID_BYTES}")
    assert told(events) == [
        ("r" * MAX_ID_BYTES, "ü" * (MAX_ID_BYTES // 2), "INVALID_ARGUMENT", "InvalidQueryError"),
        (f"r{'ü' * ((MAX_ID_BYTES - 1) // 2)}", "", "INVALID_ARGUMENT", "InvalidQueryError"),
    ]


def batch_of(size: int) -> router_pb2.RouteQueriesRequest:
    queries = (
        router_pb2.RouteQueryRequest(text="an apple", request_id=f"r-{i}", tenant="acme")
        for i in range(size)
    )
    return router_pb2.RouteQueriesRequest(queries=queries)


async def test_a_batch_that_is_refused_whole_is_told_once(tmp_path: Path) -> None:
    events: list[Failed] = []
    workers = EngineWorkers(engine_of(GatedEncoder(), tmp_path), threads=1, capacity=16)
    async with serving(workers, failed=events.append) as client:
        for size in (MAX_BATCH + 1, 0):
            with pytest.raises(grpc.aio.AioRpcError):
                await client.router.RouteQueries(batch_of(size))
        workers.drain()
        with pytest.raises(grpc.aio.AioRpcError):
            await client.router.RouteQueries(batch_of(2))
    assert told(events[:2]) == [
        ("r-0", "acme", "INVALID_ARGUMENT", "InvalidQueryError"),
        ("", "", "INVALID_ARGUMENT", "InvalidQueryError"),
    ]
    # The client tries again what is unavailable.
    assert set(told(events[2:])) == {("r-0", "acme", "UNAVAILABLE", "UnavailableError")}


async def test_items_that_wait_are_told_of_when_their_caller_goes(tmp_path: Path) -> None:
    told_of: asyncio.Queue[Failed] = asyncio.Queue()
    encoder = GatedEncoder()
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=64)
    size = BATCH_SHARE + 2
    async with serving(workers, failed=told_of.put_nowait) as client:
        encoder.gate.clear()
        call = client.router.RouteQueries(batch_of(size))
        while workers.running + workers.queue_depth < BATCH_SHARE:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        call.cancel()
        try:
            async with asyncio.timeout(10):
                events = [await told_of.get() for _ in range(size)]
        finally:
            encoder.gate.set()
    assert {each.request_id for each in events} == {f"r-{i}" for i in range(size)}
    assert {each.code for each in events} == {"CANCELLED"}


async def test_an_item_of_a_stream_without_an_id_is_told(tmp_path: Path) -> None:
    events: list[Failed] = []
    workers = EngineWorkers(engine_of(GatedEncoder(), tmp_path), threads=1, capacity=16)
    async with serving(workers, failed=events.append) as client:
        stream = client.router.StreamQueries()
        query = router_pb2.RouteQueryRequest(text="an apple", tenant="acme")
        await stream.write(router_pb2.StreamQueriesRequest(query=query))
        response = await stream.read()
        assert isinstance(response, router_pb2.StreamQueriesResponse)
        assert response.result.error.message.startswith("request_id is empty")
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    assert told(events) == [("", "acme", "INVALID_ARGUMENT", "InvalidQueryError")]


async def test_those_that_are_refused_for_want_of_room_are_left_to_the_lines_that_count_them(
    tmp_path: Path,
) -> None:
    events: list[Failed] = []
    workers = EngineWorkers(engine_of(GatedEncoder(), tmp_path), threads=1, capacity=2)
    async with serving(workers, failed=events.append) as client:
        results = await client.route_many(["an apple"] * 32)
    assert {type(result) for result in results} == {Contract, OverloadedError}
    assert events == []


async def test_a_caller_whose_deadline_passes_is_told(tmp_path: Path) -> None:
    told_of: asyncio.Queue[Failed] = asyncio.Queue()
    encoder = GatedEncoder()
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=16)
    async with serving(workers, failed=told_of.put_nowait) as client:
        encoder.gate.clear()
        with pytest.raises(DeadlineExceededError):
            await client.route("an apple", request_id="r-1", timeout_s=0.5)
        event = await told_of.get()
        encoder.gate.set()
    assert event.request_id == "r-1"
    # Its cancellation may come a moment before the deadline as the server knows it.
    assert event.code in ("DEADLINE_EXCEEDED", "CANCELLED")


def test_a_line_says_whose_it_was_and_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    event = Failed(
        request_id="r-1",
        tenant="",
        caller=Caller(name="ci", tenant="acme"),
        code="INVALID_ARGUMENT",
        error="InvalidQueryError",
    )
    DecisionLines().failed(event)
    (record,) = caplog.records
    assert (record.getMessage(), record.fields) == (  # type: ignore[attr-defined]
        "failed",
        {
            "request_id": "r-1",
            "tenant": "acme",
            "caller": "ci",
            "code": "INVALID_ARGUMENT",
            "error": "InvalidQueryError",
        },
    )
