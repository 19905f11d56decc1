"""Servers that do not answer as they should."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import grpc
import pytest

from waypost.v1 import contract_pb2, router_pb2, router_pb2_grpc
from waypost_client import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    InternalError,
    UnavailableError,
    WaypostError,
)
from waypost_client._errors import ERROR_OF


class Scripted(router_pb2_grpc.RouterServiceServicer):
    """Ends its first calls with one status, then answers with the number of the call."""

    def __init__(self, status: grpc.StatusCode, *, times: int) -> None:
        self._status, self._times = status, times
        self._calls = count(1)
        self.last = 0
        self.peers: Counter[str] = Counter()

    def RouteQuery(  # noqa: N802
        self,
        request: router_pb2.RouteQueryRequest,
        context: Any,  # noqa: ANN401  (the stubs' own context is a union)
    ) -> router_pb2.RouteQueryResponse:
        self.last = next(self._calls)
        self.peers[context.peer()] += 1
        if self.last <= self._times:
            context.abort(self._status, "scripted")
        contract = contract_pb2.HandoffContract(route=f"call {self.last}")
        return router_pb2.RouteQueryResponse(contract=contract)


@contextmanager
def serving(servicer: Scripted) -> Iterator[str]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        router_pb2_grpc.add_RouterServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


def route(address: str, timeout_s: float) -> str:
    with Client(address, timeout_s=timeout_s) as client:
        return client.route("why").route


async def route_async(address: str, timeout_s: float) -> str:
    async with AsyncClient(address, timeout_s=timeout_s) as client:
        return (await client.route("why")).route


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def absent() -> Iterator[str]:
    """A port that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


UNREACHABLE = pytest.mark.parametrize(
    ("address", "error"), [(silent, DeadlineExceededError), (absent, UnavailableError)]
)


@UNREACHABLE
def test_a_server_that_cannot_be_reached(
    address: Callable[[], Any], error: type[WaypostError]
) -> None:
    with address() as where, pytest.raises(error):
        route(where, 0.3)


@UNREACHABLE
async def test_a_server_that_cannot_be_reached_from_asyncio(
    address: Callable[[], Any], error: type[WaypostError]
) -> None:
    with address() as where, pytest.raises(error):
        await route_async(where, 0.3)


def test_a_calls_own_timeout_comes_before_the_clients() -> None:
    with silent() as where, Client(where, timeout_s=60) as client:
        with pytest.raises(DeadlineExceededError):
            client.route("why", timeout_s=0.1)
        with pytest.raises(DeadlineExceededError):
            client.route_many(["why"], timeout_s=0)


def test_a_call_that_no_server_took_is_tried_again() -> None:
    with serving(Scripted(grpc.StatusCode.UNAVAILABLE, times=2)) as address:  # type: ignore[abstract]
        assert route(address, 10) == "call 3"


async def test_a_call_that_no_server_took_is_tried_again_from_asyncio() -> None:
    with serving(Scripted(grpc.StatusCode.UNAVAILABLE, times=2)) as address:  # type: ignore[abstract]
        assert await route_async(address, 10) == "call 3"


def test_trying_again_ends_after_three_attempts() -> None:
    servicer = Scripted(grpc.StatusCode.UNAVAILABLE, times=99)  # type: ignore[abstract]
    with serving(servicer) as address, pytest.raises(UnavailableError, match="scripted"):
        route(address, 10)
    assert servicer.last == 3


@pytest.mark.parametrize("status", sorted(ERROR_OF.keys() - {grpc.StatusCode.UNAVAILABLE}, key=str))
def test_every_other_status_is_raised_at_once_as_its_own_error(status: grpc.StatusCode) -> None:
    servicer = Scripted(status, times=1)  # type: ignore[abstract]
    with serving(servicer) as address, pytest.raises(ERROR_OF[status]) as caught:
        route(address, 10)
    assert (caught.value.code, caught.value.details) == (status, "scripted")
    assert servicer.last == 1


def test_a_status_without_a_class_of_its_own_is_the_root() -> None:
    servicer = Scripted(grpc.StatusCode.DATA_LOSS, times=1)  # type: ignore[abstract]
    with serving(servicer) as address, pytest.raises(WaypostError) as caught:
        route(address, 10)
    assert type(caught.value) is WaypostError
    assert not isinstance(caught.value, InternalError)


@pytest.mark.parametrize("connections", [1, 3])
def test_calls_take_turns_on_as_many_connections_as_wanted(connections: int) -> None:
    servicer = Scripted(grpc.StatusCode.OK, times=0)  # type: ignore[abstract]
    with serving(servicer) as address, Client(address, connections=connections) as client:
        for _ in range(6):
            client.route("why")
    assert sorted(servicer.peers.values()) == [6 // connections] * connections


@pytest.mark.parametrize("connections", [1, 3])
async def test_calls_take_turns_on_as_many_connections_from_asyncio(connections: int) -> None:
    servicer = Scripted(grpc.StatusCode.OK, times=0)  # type: ignore[abstract]
    with serving(servicer) as address:
        async with AsyncClient(address, connections=connections) as client:
            for _ in range(6):
                await client.route("why")
    assert sorted(servicer.peers.values()) == [6 // connections] * connections


def test_a_call_is_tried_again_on_any_of_several_connections() -> None:
    servicer = Scripted(grpc.StatusCode.UNAVAILABLE, times=2)  # type: ignore[abstract]
    with (
        serving(servicer) as address,
        Client(address, timeout_s=10, connections=2) as client,
    ):
        assert [client.route("why").route for _ in range(2)] == ["call 3", "call 4"]


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("connections", [0, -1])
def test_a_client_without_a_connection_is_refused(
    client: type[Client | AsyncClient], connections: int
) -> None:
    with pytest.raises(ValueError, match=f"connections is {connections}; at least 1 is needed"):
        client("127.0.0.1:1", connections=connections)
