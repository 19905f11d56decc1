"""Whatever is sent, a server answers or refuses, and keeps nothing of it."""

import asyncio
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.e2e.fuzzing import METHODS, Fuzzer, requests_wanted
from tests.e2e.processes import ServerProcess, running_server
from waypost_client import AdminClient, Client

_log = logging.getLogger(__name__)

REQUESTS = requests_wanted(3_000)
SHARE_OF_CONNECTIONS = 0.2
AT_ONCE = 16
OURS = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""What no caller can be to blame for."""

MOST_GROWTH, MOST_AT_LAST = 256 << 20, 96 << 20
"""Of memory, in all and in the second half of the requests. They are up to 10 MB long, and the
allocator keeps some slack: of 100,000 the first half added 170 MiB, the second 20."""

BUILDS = 20
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def target(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that remembers few encodings, and has no routes to build from."""
    nothing = tmp_path_factory.mktemp("no_routes")
    with running_server(
        index_folder,
        WAYPOST_CACHE_ENTRIES="100",
        WAYPOST_ROUTES=str(nothing),
        WAYPOST_PENDING_CALLS="10000",  # what is sent is tested, and not how much of it
    ) as server:
        yield server
        server.terminate()
        assert server.exit_code() == 0


def resident(server: ServerProcess) -> int:
    return int(Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()[1]) * 4096


def open_files(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


async def send(
    channel: grpc.aio.Channel, method: MethodDescriptor, content: bytes
) -> grpc.StatusCode:
    """One call that is no stream of requests."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    call: Any
    try:
        if method.server_streaming:
            call = channel.unary_stream(path)
            async for _ in call(content, timeout=60):
                pass
        else:
            call = channel.unary_unary(path)
            await call(content, timeout=60)
    except grpc.aio.AioRpcError as error:
        if error.code() in OURS:
            _log.error("%s: %s: %s", method.name, error.code(), error.details())
        return error.code()
    return grpc.StatusCode.OK


def send_stream(channel: grpc.Channel, method: MethodDescriptor, content: bytes) -> grpc.StatusCode:
    """A stream of two requests; of grpc.aio's own the client makes up errors where one is refused
    while the next one is sent."""
    call: Any = channel.stream_stream(f"/{method.containing_service.full_name}/{method.name}")
    try:
        list(call(iter([content, content]), timeout=60))
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def storm(server: ServerProcess, seed: int, count: int) -> Counter[grpc.StatusCode]:
    fuzzer, codes = Fuzzer(seed), Counter[grpc.StatusCode]()
    builds = left = 0
    async with (
        grpc.aio.insecure_channel(server.address) as callers,
        grpc.aio.insecure_channel(server.admin_address) as operators,
    ):
        channels = {"RouterService": callers, "AdminService": operators}

        async def sender() -> None:
            nonlocal builds, left
            while left < count:
                left += 1
                method = fuzzer.random.choice(METHODS)
                if method.name == "BuildIndex" and (builds := builds + 1) > BUILDS:
                    method = METHODS[0]
                content = fuzzer.request(method)
                if method.client_streaming:
                    code = await asyncio.to_thread(send_stream, streams, method, content)
                else:
                    code = await send(channels[method.containing_service.name], method, content)
                codes[code] += 1

        with grpc.insecure_channel(server.address) as streams:
            await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return codes


def converse(address: str, seed: int, count: int) -> None:
    """Connections, one after the other, with a short look at what the server says to each."""
    fuzzer = Fuzzer(seed)
    host, port = address.rsplit(":", 1)
    for _ in range(count):
        said = fuzzer.conversation()
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(said)
                if fuzzer.random.random() < 0.5:
                    connection.shutdown(socket.SHUT_WR)
                connection.settimeout(0.02)
                connection.recv(4096)
        except OSError:
            pass  # it hung up first, or says nothing


async def test_whatever_is_sent_is_answered_or_refused_and_leaves_nothing(
    target: ServerProcess,
) -> None:
    await storm(target, 1, 300)
    memory, files = resident(target), open_files(target)
    raw = int(REQUESTS * SHARE_OF_CONNECTIONS)
    talkers = [
        threading.Thread(target=converse, args=(address, seed, raw // 4))
        for seed, address in enumerate([target.address, target.admin_address] * 2)
    ]
    for talker in talkers:
        talker.start()
    half = (REQUESTS - raw) // 2
    codes = await storm(target, 2, half)
    at_half = resident(target)
    codes += await storm(target, 3, half)
    for talker in talkers:
        talker.join()
    _log.info("%s, memory %d -> %d MiB", dict(codes), memory >> 20, resident(target) >> 20)
    assert target.process.poll() is None
    assert not codes.keys() & OURS, codes
    assert codes[grpc.StatusCode.OK] > 0
    assert codes[grpc.StatusCode.INVALID_ARGUMENT] > 0

    deadline = time.monotonic() + PATIENCE_S
    while open_files(target) > files + 4:
        assert time.monotonic() < deadline, "connections are left"
        await asyncio.sleep(0.1)
    assert resident(target) - memory < MOST_GROWTH
    assert resident(target) - at_half < MOST_AT_LAST
    with Client(target.address, timeout_s=20) as client:
        assert client.route("why does this test hang").rationale
    with AdminClient(target.admin_address, timeout_s=20) as admin:
        status = admin.status()
    assert (status.state, status.queue_depth) == ("SERVING", 0)
    log = target.log_text()
    assert "Traceback" not in log
    assert "incident" not in log
