"""A server that is asked far more than it can answer; `make bench-overload` says how fast it is."""

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.bench.overload.load import Call, offer
from tests.bench.serving.machine import private_mb
from tests.bench.serving.wire import METHOD, SERVICE, request_of
from tests.e2e.processes import ServerProcess, running_server
from waypost.v1 import admin_pb2, router_pb2, router_pb2_grpc
from waypost_client import AsyncClient, Client, Contract, OverloadedError, Reason, Stage

OK, CANCELLED, REFUSED = 0, 1, 8
FLOOD_PER_SECOND, FLOOD_SECONDS, FLOODS = 5_000, 3, 5
ROOM = {"WAYPOST_QUEUE_CAPACITY": "16", "WAYPOST_CACHE_ENTRIES": "0"}
MOST_MB = 40
"""What a flood may add: five times what one was measured to add, a tenth of what its requests and
their answers would take."""


def flood(address: str, *, tenant: str = "flood", seconds: float = FLOOD_SECONDS) -> list[Call]:
    texts = [f"why does step {i} hang" for i in range(int(FLOOD_PER_SECOND * seconds))]
    requests = [router_pb2.RouteQueryRequest(text=text, tenant=tenant) for text in texts]
    return offer(
        address,
        f"/{SERVICE}/{METHOD}",
        [request.SerializeToString() for request in requests],
        per_second=FLOOD_PER_SECOND,
        timeout_ms=60_000,
        last_seconds=60,
    )


def status(server: ServerProcess) -> admin_pb2.GetStatusResponse:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=30)


@pytest.fixture
def server(index_folder: Path) -> Iterator[ServerProcess]:
    with running_server(index_folder, **ROOM) as running:
        yield running
        running.terminate()
        assert running.exit_code() == 0
        assert "Traceback" not in running.log_text()


def test_a_flood_is_answered_or_refused_in_bounded_memory_and_leaves_no_trace(
    server: ServerProcess,
) -> None:
    flood(server.address, seconds=0.2)  # what is allocated once
    before = private_mb(server.process.pid)
    found = Counter(call.status for call in flood(server.address))
    assert found.keys() <= {OK, REFUSED, CANCELLED}
    assert min(found[OK], found[REFUSED]) > 0
    assert private_mb(server.process.pid) < before + MOST_MB
    with Client(server.address, timeout_s=30) as client:
        assert all(isinstance(client.route("why is it slow"), Contract) for _ in range(50))
    told = status(server)
    assert told.refused_count >= found[REFUSED]
    assert told.queue_depth == 0
    assert told.concurrency_limit <= 16


async def test_who_is_refused_is_told_when_to_come_again(index_folder: Path) -> None:
    with running_server(index_folder, **ROOM, WAYPOST_PENDING_CALLS="10000") as server:
        await _refuses_with_a_hint(server)


async def _refuses_with_a_hint(server: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)

        async def ask(number: int) -> grpc.aio.AioRpcError | None:
            request = router_pb2.RouteQueryRequest(text=f"why does test {number} hang")
            try:
                await stub.RouteQuery(request, timeout=60)
            except grpc.aio.AioRpcError as error:
                return error
            return None

        errors = [error for error in await asyncio.gather(*map(ask, range(400))) if error]
    assert errors
    assert {error.code() for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    hints = [dict(error.trailing_metadata()) for error in errors]
    assert all(int(hint["grpc-retry-pushback-ms"]) > 0 for hint in hints)
    assert all(hint["grpc-retry-pushback-ms"] == hint["retry-after-ms"] for hint in hints)
    assert len({hint["retry-after-ms"] for hint in hints}) > 1

    async with AsyncClient(server.address, timeout_s=60) as client:
        texts = [f"why does test {number} hang" for number in range(400)]
        told = await asyncio.gather(*map(client.route, texts), return_exceptions=True)
    refused = [error for error in told if isinstance(error, OverloadedError)]
    assert refused
    assert all(error.retry_after_s for error in refused)


def test_a_quiet_tenant_is_served_while_another_floods(server: ServerProcess) -> None:
    flooding = threading.Thread(target=flood, args=(server.address,))
    with Client(server.address, timeout_s=60) as client:
        flooding.start()
        quiet: list[Contract | OverloadedError] = []
        while flooding.is_alive():
            try:
                quiet.append(client.route("why is it slow", tenant="quiet"))
            except OverloadedError as error:
                quiet.append(error)
        flooding.join()
    # gRPC drops calls before anyone knows whose they are; what waited too long when the overload
    # was noticed is shed.
    heard = [one for one in quiet if getattr(one, "code", None) is not grpc.StatusCode.CANCELLED]
    refused = [one for one in heard if isinstance(one, OverloadedError)]
    assert heard
    assert len(refused) <= max(2, len(heard) // 20)


def test_an_overloaded_server_decides_without_the_transformer_if_told_so(
    topics_index: Path,
) -> None:
    with running_server(
        topics_index, **ROOM, WAYPOST_DEGRADED="true", WAYPOST_PATIENCE_MS="50"
    ) as server:
        found: list[Contract] = []
        degraded = False
        with Client(server.address, timeout_s=60) as client:
            # On a busy machine one flood may be over before this client gets a word in.
            for _ in range(FLOODS):
                # Twice as long as elsewhere: there is no degraded mode in the first second.
                flooding = threading.Thread(
                    target=flood, args=(server.address,), kwargs={"seconds": 2 * FLOOD_SECONDS}
                )
                flooding.start()
                while flooding.is_alive():
                    degraded |= status(server).degraded
                    try:
                        found.append(client.route("flood me with hotels", tenant="flood"))
                    except OverloadedError:
                        continue
                flooding.join()
                if any(Reason.DEGRADED in one.reasons for one in found):
                    break
            hasty = [one for one in found if Reason.DEGRADED in one.reasons]
            assert degraded
            assert hasty
            assert {one.stage for one in hasty} == {Stage.STATIC_ENCODER}
            _until_calm(server)
            assert Reason.DEGRADED not in client.route("flood me with hotels").reasons


def test_a_server_without_a_static_encoder_says_that_it_will_not_be_degraded(
    index_folder: Path,
) -> None:
    with running_server(index_folder, WAYPOST_DEGRADED="true", WAYPOST_TWO_STAGE="false") as server:
        assert "there is no degraded mode without a static encoder" in server.log_text()


def test_the_room_and_the_degraded_mode_are_taken_up_while_it_runs(
    index_folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "waypost.toml"
    config.write_text("queue_capacity = 40\n", "utf-8")
    with running_server(index_folder, WAYPOST_CONFIG=str(config)) as server:
        assert status(server).concurrency_limit == 40
        config.write_text("queue_capacity = 30\n", "utf-8")
        server.process.send_signal(signal.SIGHUP)
        while status(server).concurrency_limit == 40:
            pass
        assert status(server).concurrency_limit == 30


def _until_calm(server: ServerProcess) -> None:
    while status(server).degraded or status(server).concurrency_limit < 16:
        pass


def test_a_request_as_the_generator_writes_it_is_answered(server: ServerProcess) -> None:
    (call,) = offer(
        server.address, f"/{SERVICE}/{METHOD}", [request_of("why does it hang")], per_second=1
    )
    assert (call.status, call.late < 1) == (OK, True)
