"""A hundred swaps under load: no failed call, no mixed versions, no memory kept."""

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server
from tests.e2e.topics import CLEAR, build, topics
from waypost.v1 import admin_pb2, admin_pb2_grpc, router_pb2
from waypost_client import Client, Contract, InvalidRequestError, WaypostError
from waypost_server.adapters.bundle_store import BundleStore

SWAPS = 100
CALLERS = 3
LONE_SECONDS = 0.025
"""Between a caller's queries: 120 a second of all three."""

BATCH, BATCH_SECONDS = 16, 0.2
"""80 queries a second."""

SETTLED = 20
"""Swaps after which allocators have what they keep."""

GROWTH_BYTES = 100_000
"""A swap may leave so much, on the average of 80. A server that kept every engine of these bundles
would leave 370 kB a swap more than one that keeps none."""


@dataclass
class Seen:
    """What came of all calls."""

    contracts: list[Contract] = field(default_factory=list)
    errors: list[WaypostError] = field(default_factory=list)
    mixed: int = 0


@pytest.fixture(scope="module")
def two_bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """An index with two versions, and the routes of each: one has weather, the other sport."""
    folder = tmp_path_factory.mktemp("swaps")
    routes, index = topics(folder), folder / "index"
    build(routes, index)
    shutil.rmtree(routes / "weather")
    (routes / "sport").mkdir()
    (routes / "sport/exemplars.txt").write_text("who won the cup\nwhen is the next match\n")
    travel = routes / "travel/route.yaml"
    travel.write_text(travel.read_text().replace("weather", "sport"))
    build(routes, index)
    store = BundleStore(index)
    return index, {v: set(store.load(v).catalog.routes) for v in store.versions()}


@contextmanager
def steady_load(address: str) -> Iterator[Seen]:
    """About 200 queries a second, of four clients with connections of their own."""
    seen, over = Seen(), threading.Event()

    def call(together: int, pause: float) -> None:
        with Client(address, timeout_s=20, connections=2) as client:
            for number in itertools.count():
                began = time.monotonic()
                texts = [f"{CLEAR['music']} {number} {i}" for i in range(together)]
                try:
                    answers = client.route_many(texts) if together > 1 else [client.route(texts[0])]
                except WaypostError as error:
                    seen.errors.append(error)
                else:
                    seen.errors += [one for one in answers if isinstance(one, WaypostError)]
                    found = [one for one in answers if isinstance(one, Contract)]
                    seen.contracts += found
                    seen.mixed += len({contract.index_version for contract in found}) > 1
                if over.wait(max(0.0, began + pause - time.monotonic())):
                    return

    callers = [threading.Thread(target=call, args=(1, LONE_SECONDS)) for _ in range(CALLERS)]
    callers.append(threading.Thread(target=call, args=(BATCH, BATCH_SECONDS)))
    for caller in callers:
        caller.start()
    try:
        yield seen
    finally:
        over.set()
        for caller in callers:
            caller.join()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.02)


def check(seen: Seen, routes: Mapping[str, set[str]]) -> None:
    """No call failed, no batch had two versions, and no contract names another one's routes."""
    assert seen.errors == []
    assert seen.mixed == 0
    assert {contract.index_version for contract in seen.contracts} == set(routes)
    for contract in seen.contracts:
        named = {contract.route, *(candidate.route for candidate in contract.candidates)}
        assert named <= routes[contract.index_version]


def resident(server: ServerProcess) -> int:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest()).resident_bytes


def test_a_hundred_swaps_under_load_fail_no_call_and_keep_no_memory(
    two_bundles: tuple[Path, dict[str, set[str]]],
) -> None:
    index, routes = two_bundles
    versions = itertools.cycle(routes)
    with running_server(index) as server:
        with steady_load(server.address) as seen, server.admin() as admin:
            until(lambda: len(seen.contracts) > 100)
            began, already = time.monotonic(), len(seen.contracts)
            for number in range(SWAPS):
                version = next(versions)
                admin.ActivateIndexVersion(admin_pb2.ActivateIndexVersionRequest(version=version))
                status = admin.GetStatus(admin_pb2.GetStatusRequest())
                assert status.index_version == version
                if number == SETTLED - 1:
                    settled = resident(server)
            after = resident(server)
            rate = (len(seen.contracts) - already) / (time.monotonic() - began)
        check(seen, routes)
        growth = (after - settled) / (SWAPS - SETTLED)
        print(f"{rate:.0f} queries/s, {growth / 1000:+.1f} kB a swap, {after / 1e6:.0f} MB")  # noqa: T201
        assert growth < GROWTH_BYTES
        assert server.log_text().count(" is live; before it was ") in (SWAPS - 1, SWAPS)


def test_bundles_that_are_gone_are_let_go_whatever_was_under_way(
    two_bundles: tuple[Path, dict[str, set[str]]],
) -> None:
    index, routes = two_bundles
    over = threading.Event()

    def be_refused(client: Client) -> None:
        while not over.is_set():
            with pytest.raises(InvalidRequestError):
                client.route("x", allowed_routes=["no such route"])

    versions = itertools.cycle(routes)
    with running_server(index) as server, Client(server.address, timeout_s=20) as client:
        callers = [threading.Thread(target=be_refused, args=(client,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        with server.admin() as admin:
            for _ in range(24):
                version = next(versions)
                admin.ActivateIndexVersion(admin_pb2.ActivateIndexVersionRequest(version=version))
        over.set()
        for caller in callers:
            caller.join()
        # The live one, and those of the last swaps, at which the collector came too early for them.
        assert held_bundles(server, index) <= 4


def held_bundles(server: ServerProcess, index: Path) -> int:
    """How many bundles a server has loaded: it has a lock on the folder of each."""
    links = [path.readlink() for path in Path(f"/proc/{server.process.pid}/fd").iterdir()]
    return sum(link.parent == index for link in links)


def test_two_processes_swap_together_under_load(
    two_bundles: tuple[Path, dict[str, set[str]]],
) -> None:
    index, routes = two_bundles
    with running_server(index, WAYPOST_PROCESSES="2") as server:
        other = next(version for version in routes if version != server.index_version)
        with steady_load(server.address) as seen, server.admin() as admin:
            until(lambda: len(seen.contracts) > 100)
            for version in (other, server.index_version, other):
                admin.ActivateIndexVersion(admin_pb2.ActivateIndexVersionRequest(version=version))
                # Whichever process answers.
                with Client(server.address, timeout_s=20, connections=16) as client:
                    request = router_pb2.ListRoutesRequest()
                    found = {client.router.ListRoutes(request).index_version for _ in range(16)}
                assert found == {version}
                assert BundleStore(index).live_version() == version
        check(seen, routes)
        assert server.log_text().count(f"index {other} is live; before it was") == 4


def test_several_processes_refuse_a_damaged_bundle_together_and_say_why(
    two_bundles: tuple[Path, dict[str, set[str]]], tmp_path: Path
) -> None:
    index = shutil.copytree(two_bundles[0], tmp_path / "index")
    with running_server(index, WAYPOST_PROCESSES="2", WAYPOST_WATCH="true") as server:
        old = server.index_version
        other = next(version for version in two_bundles[1] if version != old)
        head = index / other / "head.npz"
        sound = head.read_bytes()
        head.write_bytes(sound[:100])
        with steady_load(server.address) as seen:
            (index / "CURRENT").write_text(f"{other}\n")
            until(lambda: f"index {old} stays live: process " in server.log_text())
            # Each process hears of it in its own time.
            until(lambda: all(_status(server).refused_bundle for _ in range(12)))
            statuses = [_status(server) for _ in range(12)]
            head.write_bytes(sound)
            (index / "CURRENT").write_text(f"{other}\n")  # named anew
            until(lambda: server.log_text().count(f"index {other} is live; before") == 2)
            until(lambda: seen.contracts[-1].index_version == other)
        check(seen, two_bundles[1])
        for status in statuses:
            assert status.index_version == old
            assert f"{head}: its SHA-256 is" in status.refused_bundle
        assert _status(server).refused_bundle == ""
        assert server.log_text().count("stays live") == 1


def _status(server: ServerProcess) -> admin_pb2.GetStatusResponse:
    """Of whichever process answers."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.admin_address, options=options) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        return stub.GetStatus(admin_pb2.GetStatusRequest(), timeout=20)
