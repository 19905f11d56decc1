"""Kill switches over the wire: on every process and replica, across restarts, audited."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server
from tests.e2e.topics import CLEAR, DEFAULT, build, topics
from tests.postgres_server import PostgresServer
from waypost.v1 import admin_pb2, contract_pb2, router_pb2, router_pb2_grpc

DISABLED, NO_MODEL = contract_pb2.REASON_ROUTE_DISABLED, contract_pb2.REASON_NO_ELIGIBLE_MODEL
OFF, TEXT = "music", CLEAR["music"]
PATIENCE_SECONDS = 30.0
CONNECTIONS = 12
"""All of them reach one of two processes in one of 2,000 runs."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("topics")
    build(topics(folder), folder / "index")
    return folder / "index"


@pytest.fixture(scope="module")
def server(index: Path) -> Iterator[ServerProcess]:
    with running_server(index) as running:
        yield running


@pytest.fixture(params=["two processes", "two replicas"])
def fleet(request: pytest.FixtureRequest, index: Path) -> Iterator[list[ServerProcess]]:
    """Servers that share a database: one of two processes, or two of a process each."""
    with ExitStack() as stack:
        if request.param == "two processes":
            yield [stack.enter_context(running_server(index, WAYPOST_PROCESSES="2"))]
        else:
            postgres: PostgresServer = request.getfixturevalue("postgres")
            url = postgres.new_database()
            yield [
                stack.enter_context(running_server(index, WAYPOST_DATABASE=url)) for _ in range(2)
            ]


@contextmanager
def stub(server: ServerProcess) -> Iterator[router_pb2_grpc.RouterServiceStub]:
    """One with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.address, options) as channel:
        yield router_pb2_grpc.RouterServiceStub(channel)


def routed(server: ServerProcess, text: str, **fields: object) -> contract_pb2.HandoffContract:
    with stub(server) as router:
        return router.RouteQuery(router_pb2.RouteQueryRequest(text=text, **fields)).contract  # type: ignore[arg-type]


def set_route(
    server: ServerProcess, route: str, *, enabled: bool, note: str = ""
) -> admin_pb2.SetRouteEnabledResponse:
    with server.admin() as admin:
        return admin.SetRouteEnabled(
            admin_pb2.SetRouteEnabledRequest(route=route, enabled=enabled, note=note)
        )


def set_model(
    server: ServerProcess, model: str, *, enabled: bool, note: str = ""
) -> admin_pb2.SetModelEnabledResponse:
    with server.admin() as admin:
        return admin.SetModelEnabled(
            admin_pb2.SetModelEnabledRequest(model=model, enabled=enabled, note=note)
        )


def status(server: ServerProcess) -> admin_pb2.GetStatusResponse:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest())


def off_at(server: ServerProcess) -> list[str]:
    return [switch.route or switch.model for switch in status(server).switches]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)


@dataclass
class Hammer:
    """Asks one server on a connection of its own, again and again.

    Attributes:
        seen: when each decision was asked for, and what it was.
        errors: calls that failed.
    """

    server: ServerProcess
    seen: list[tuple[float, contract_pb2.HandoffContract]] = field(default_factory=list)
    errors: list[grpc.RpcError] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        request = router_pb2.RouteQueryRequest(text=TEXT)
        with stub(self.server) as router:
            while not stop.is_set():
                asked = time.monotonic()
                try:
                    self.seen.append((asked, router.RouteQuery(request).contract))
                except grpc.RpcError as error:
                    self.errors.append(error)


@contextmanager
def hammering(servers: list[ServerProcess]) -> Iterator[list[Hammer]]:
    stop = threading.Event()
    hammers = [Hammer(servers[i % len(servers)]) for i in range(CONNECTIONS)]
    threads = [threading.Thread(target=hammer.run, args=(stop,)) for hammer in hammers]
    for thread in threads:
        thread.start()
    try:
        yield hammers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_decision_that_begins_after_the_answer_goes_to_a_route_that_is_off(
    fleet: list[ServerProcess],
) -> None:
    with hammering(fleet) as hammers:
        until(lambda: all(len(hammer.seen) > 2 for hammer in hammers))
        answered = []
        for enabled in (False, True, False):
            answer = set_route(fleet[0], OFF, enabled=enabled, note="drill")
            answered.append((time.monotonic(), enabled))
            assert (answer.previously_enabled, answer.pending_processes) == (not enabled, 0)
            many = [len(hammer.seen) + 3 for hammer in hammers]
            until(lambda m=many: all(len(h.seen) > n for h, n in zip(hammers, m, strict=True)))  # type: ignore[misc]
    assert not any(hammer.errors for hammer in hammers)
    seen = [one for hammer in hammers for one in hammer.seen]
    ends = [at for at, _ in answered[1:]] + [float("inf")]
    for (since, enabled), end in zip(answered, ends, strict=True):
        # The next switch may be heeded before it is answered: such calls say nothing.
        during = [contract for at, contract in seen if since < at < end]
        last = [c for at, c in seen if since < at and c in during]
        assert last
        wrong = [c for c in during if (c.route == OFF) is not enabled]
        if end == float("inf"):
            assert not wrong
    first_off = [c for at, c in seen if answered[0][0] < at < answered[0][0] + 0.0]
    assert not first_off


def test_it_is_off_at_every_process_and_survives_a_restart(index: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    with running_server(index, WAYPOST_DATABASE=database, WAYPOST_PROCESSES="2") as server:
        assert set_route(server, OFF, enabled=False, note="it drifts").pending_processes == 0
        assert routed(server, TEXT).route == DEFAULT
    with running_server(index, WAYPOST_DATABASE=database) as server:
        contract = routed(server, TEXT)
        (switch,) = status(server).switches
    assert contract.route == DEFAULT
    assert DISABLED in contract.reasons
    assert (switch.route, switch.note) == (OFF, "it drifts")
