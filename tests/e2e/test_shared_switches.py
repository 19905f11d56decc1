"""Kill switches on every process and replica, across restarts, deaths and a lost database."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.switching import (
    DISABLED,
    OFF,
    TEXT,
    routed,
    router,
    set_model,
    set_route,
    status,
    until,
)
from tests.e2e.topics import CLEAR, DEFAULT
from tests.exposed import Exposed
from tests.postgres_server import running_postgres
from waypost.v1 import router_pb2
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState

CONNECTIONS = 12
"""All of them reach one of two processes in one of 2,000 runs."""


@pytest.fixture(scope="module", params=["two processes", "two replicas"])
def fleet(request: pytest.FixtureRequest, topics_index: Path) -> Iterator[Sequence[ServerProcess]]:
    """Servers that share a database: one of two processes, or two of a process each."""
    with ExitStack() as stack:
        if request.param == "two processes":
            yield [stack.enter_context(running_server(topics_index, WAYPOST_PROCESSES="2"))]
        else:
            url = request.getfixturevalue("postgres").new_database()
            yield [
                stack.enter_context(running_server(topics_index, WAYPOST_DATABASE=url))
                for _ in range(2)
            ]


def heeded(server: ServerProcess, *, enabled: bool) -> bool:
    """Whether all say that they heed a switch, or else are cut off from the database."""
    try:
        return set_route(server, OFF, enabled=enabled).pending_processes == 0
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False


@dataclass(frozen=True)
class Asked:
    """When a decision was asked for, when it was there, and where the query went."""

    at: float
    answered: float
    route: str


@dataclass
class Hammer:
    """Asks one server on a connection of its own, again and again."""

    server: ServerProcess
    seen: list[Asked] = field(default_factory=list)
    errors: list[grpc.RpcError] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        request = router_pb2.RouteQueryRequest(text=TEXT)
        with router(self.server) as stub:
            while not stop.is_set():
                at = time.monotonic()
                try:
                    route = stub.RouteQuery(request).contract.route
                    self.seen.append(Asked(at, time.monotonic(), route))
                except grpc.RpcError as error:
                    self.errors.append(error)


@contextmanager
def hammering(servers: Sequence[ServerProcess]) -> Iterator[Sequence[Hammer]]:
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


def everyone_asks_again(hammers: Sequence[Hammer]) -> None:
    counts = [len(hammer.seen) + 3 for hammer in hammers]
    until(lambda: all(len(h.seen) >= n for h, n in zip(hammers, counts, strict=True)))


def test_every_decision_that_begins_after_the_answer_heeds_the_switch(
    fleet: Sequence[ServerProcess],
) -> None:
    periods = []
    with hammering(fleet) as hammers:
        everyone_asks_again(hammers)
        for enabled in (False, True, False, True):
            answer = set_route(fleet[0], OFF, enabled=enabled, note="drill")
            assert answer.previously_enabled is not enabled
            # On a machine that is busy with something else, it takes longer than a switch waits.
            if answer.pending_processes:
                until(partial(heeded, fleet[0], enabled=enabled))
            answered = time.monotonic()
            everyone_asks_again(hammers)
            periods.append((answered, time.monotonic(), OFF if enabled else DEFAULT))
    assert not any(hammer.errors for hammer in hammers)
    for since, end, route in periods:
        for hammer in hammers:
            routes = [one.route for one in hammer.seen if since < one.at and one.answered < end]
            assert routes
            assert set(routes) == {route}


def test_a_server_killed_amid_switches_heeds_them_from_its_next_first_decision_on(
    topics_index: Path, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    with running_server(topics_index, WAYPOST_DATABASE=database) as server:
        set_route(server, OFF, enabled=False, note="it drifts")
        answered: list[bool] = []

        def storm() -> None:
            with suppress(grpc.RpcError):
                for n in range(10_000):
                    set_model(server, "cheap", enabled=n % 2 == 1)
                    answered.append(n % 2 == 1)

        thread = threading.Thread(target=storm)
        thread.start()
        until(lambda: len(answered) > 3)
        server.process.kill()
        thread.join()
    with running_server(topics_index, WAYPOST_DATABASE=database, WAYPOST_PROCESSES="2") as server:
        contracts = [routed(server) for _ in range(CONNECTIONS)]
        kept = {each.route or each.model: each for each in status(server).switches}
        # Who was killed may live, for all that the others know.
        assert set_route(server, OFF, enabled=False).pending_processes <= 1
    assert {contract.route for contract in contracts} == {DEFAULT}
    assert all(DISABLED in contract.reasons for contract in contracts)
    assert (kept[OFF].who, kept[OFF].note) == ("", "it drifts")
    first, *storms, last = [one.act for one in SqlState(open_database(database)).audited()]
    assert (first.target, first.note, first.before, first.after) == (OFF, "it drifts", "on", "off")
    assert (last.target, last.before, last.after) == (OFF, "off", "off")
    assert len(storms) - len(answered) in (0, 1)
    assert storms[-1].after == ("off" if "cheap" in kept else "on")
    assert [one.after for one in storms[:-1]] == [other.before for other in storms[1:]]


def test_routing_goes_on_without_the_database_and_catches_up_when_it_is_back(
    topics_index: Path,
) -> None:
    with running_postgres() as postgres:
        url = postgres.new_database()
        with (
            running_server(
                topics_index, WAYPOST_DATABASE=url, WAYPOST_HTTP_ADDRESS="127.0.0.1:0"
            ) as one,
            running_server(topics_index, WAYPOST_DATABASE=url) as two,
        ):
            set_route(one, OFF, enabled=False)
            assert _unreachable(one) == 0
            postgres.stop()
            for server in (one, two):
                until(lambda s=server: "the last switches stay in force" in s.log_text())  # type: ignore[misc]
                assert routed(server).route == DEFAULT
                assert routed(server, CLEAR["travel"]).route == "travel"
            with pytest.raises(grpc.RpcError) as caught:
                set_route(one, OFF, enabled=True)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert routed(one).route == DEFAULT
            assert _unreachable(one) == 1
            postgres.start()
            until(lambda: heeded(two, enabled=True))
            assert {routed(one).route, routed(two).route} == {OFF}
            for server in (one, two):
                until(lambda s=server: "can be used again" in s.log_text())  # type: ignore[misc]
                assert server.log_text().count("the last switches stay in force") == 1
                assert "Traceback" not in server.log_text()
            assert _unreachable(one) == 0


def _unreachable(server: ServerProcess) -> float:
    return Exposed(server.http("/metrics")[1])("waypost_database_unreachable")


def test_who_cannot_read_the_switches_does_not_start_unless_told(
    topics_index: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    database = f"sqlite:///{tmp_path}/file/waypost.db"
    arguments = ("serve", "--index", str(topics_index), "--address", "127.0.0.1:0")
    refused = waypost(*arguments, WAYPOST_DATABASE=database, WAYPOST_PROCESSES="2")
    assert (refused.returncode, refused.stdout) == (1, "")
    said = [line for line in refused.stderr.splitlines() if line.startswith("waypost: ")]
    assert len(said) == 1
    assert said[0].startswith("waypost: the database that processes share cannot be used: ")
    assert "WAYPOST_START_WITHOUT_DATABASE=true" in said[0]
    with running_server(
        topics_index, WAYPOST_DATABASE=database, WAYPOST_START_WITHOUT_DATABASE="true"
    ) as server:
        assert routed(server).route == OFF
        assert "the last switches stay in force" in server.log_text()
        (tmp_path / "file").unlink()
        until(lambda: "can be used again" in server.log_text())
        until(lambda: heeded(server, enabled=False))


def test_an_open_breaker_that_one_replica_hears_of_is_left_out_by_the_other(
    fleet: Sequence[ServerProcess],
) -> None:
    def report(server: ServerProcess, *, is_open: bool) -> None:
        attempt = router_pb2.ModelAttempt(
            model="cheap", succeeded=not is_open, breaker_open=is_open, breaker_open_ms=60_000
        )
        contract = routed(server)
        with router(server) as stub:
            stub.ReportOutcome(
                router_pb2.ReportOutcomeRequest(
                    decision_id=contract.decision_id, attempts=[attempt], route=OFF
                )
            )

    def left_out() -> set[bool]:
        return {_leaves_out(server, "cheap") for server in fleet for _ in range(CONNECTIONS)}

    report(fleet[0], is_open=True)
    until(lambda: left_out() == {True})
    report(fleet[-1], is_open=False)
    until(lambda: left_out() == {False})


def _leaves_out(server: ServerProcess, model: str) -> bool:
    with router(server) as stub:
        ref = stub.GetSpecialist(router_pb2.GetSpecialistRequest(route=OFF)).specialist
    return model in {each.name for each in ref.excluded_models}
