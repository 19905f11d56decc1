"""Kill switches over the wire: on every process and replica, across restarts, audited."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.topics import CLEAR, DEFAULT, build, topics
from tests.postgres_server import running_postgres
from waypost.v1 import admin_pb2, contract_pb2, router_pb2, router_pb2_grpc
from waypost_client.switches import switch
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.commands.audit import audit
from waypost_server.core.switches import Kind, Target

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
def lone(index: Path) -> Iterator[ServerProcess]:
    """A server without a database, one process for all tests that put back what they switch."""
    with running_server(index, WAYPOST_DATABASE="none") as running:
        yield running
        assert "Traceback" not in running.log_text()


@pytest.fixture(scope="module", params=["two processes", "two replicas"])
def fleet(request: pytest.FixtureRequest, index: Path) -> Iterator[Sequence[ServerProcess]]:
    """Servers that share a database: one of two processes, or two of a process each."""
    with ExitStack() as stack:
        if request.param == "two processes":
            yield [stack.enter_context(running_server(index, WAYPOST_PROCESSES="2"))]
        else:
            url = request.getfixturevalue("postgres").new_database()
            yield [
                stack.enter_context(running_server(index, WAYPOST_DATABASE=url)) for _ in range(2)
            ]


@contextmanager
def router(server: ServerProcess) -> Iterator[router_pb2_grpc.RouterServiceStub]:
    """A stub with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.address, options) as channel:
        yield router_pb2_grpc.RouterServiceStub(channel)


def routed(
    server: ServerProcess, text: str = TEXT, **fields: object
) -> contract_pb2.HandoffContract:
    with router(server) as stub:
        return stub.RouteQuery(router_pb2.RouteQueryRequest(text=text, **fields)).contract  # type: ignore[arg-type]


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


@contextmanager
def switched_off(
    server: ServerProcess, *, route: str = "", models: Sequence[str] = ()
) -> Iterator[None]:
    for model in models:
        set_model(server, model, enabled=False)
    if route:
        set_route(server, route, enabled=False)
    try:
        yield
    finally:
        for switch in status(server).switches:
            if switch.route:
                set_route(server, switch.route, enabled=True)
            else:
                set_model(server, switch.model, enabled=True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)


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
    index: Path, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    with running_server(index, WAYPOST_DATABASE=database) as server:
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
    with running_server(index, WAYPOST_DATABASE=database, WAYPOST_PROCESSES="2") as server:
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


def test_a_route_that_is_off_is_nowhere_in_a_contract_and_is_listed_as_off(
    lone: ServerProcess,
) -> None:
    before = routed(lone, max_candidates=32)
    travel = routed(lone, CLEAR["travel"], max_candidates=32)
    assert (before.route, before.fallback_route) == (OFF, "travel")
    with switched_off(lone, route=OFF):
        after = routed(lone, max_candidates=32)
        assert (after.route, after.outcome) == (DEFAULT, contract_pb2.OUTCOME_FALLBACK)
        assert DISABLED in after.reasons
        assert after.rationale.endswith("; music, which fits best of all, is switched off.")
        assert {one.route for one in after.candidates} == {
            one.route for one in before.candidates
        } - {OFF}
        elsewhere = routed(lone, CLEAR["travel"], max_candidates=32)
        assert [one.route for one in elsewhere.candidates] == [
            one.route for one in travel.candidates if one.route != OFF
        ]
        assert (elsewhere.route, elsewhere.reasons) == (travel.route, travel.reasons)
        with router(lone) as stub:
            listed = stub.ListRoutes(router_pb2.ListRoutesRequest()).routes
        assert [route.name for route in listed if not route.enabled] == [OFF]
    with switched_off(lone, route="travel"):
        assert (routed(lone).route, routed(lone).fallback_route) == (OFF, DEFAULT)
        with router(lone) as stub:
            listed = stub.ListRoutes(router_pb2.ListRoutesRequest()).routes
            rerouted = stub.RerouteQuery(
                router_pb2.RerouteQueryRequest(
                    query=router_pb2.RouteQueryRequest(text=TEXT),
                    decision_id=before.decision_id,
                    rejected_routes=[OFF, DEFAULT],
                )
            ).contract
        assert {route.name: route.fallback_route for route in listed}[OFF] == DEFAULT
        assert (rerouted.route, rerouted.fallback_route) == (DEFAULT, "")
    assert routed(lone, max_candidates=32).route == OFF


def test_batches_and_streams_heed_it_too(lone: ServerProcess) -> None:
    query = router_pb2.RouteQueryRequest(text=TEXT, request_id="1")
    with router(lone) as stub:
        requests = iter([router_pb2.StreamQueriesRequest(query=query)])
        with switched_off(lone, route=OFF):
            batch = stub.RouteQueries(router_pb2.RouteQueriesRequest(queries=[query] * 3))
            (streamed,) = stub.StreamQueries(requests)
    results = [*batch.results, streamed.result]
    assert {result.contract.route for result in results} == {DEFAULT}


def test_a_model_that_is_off_is_called_by_nobody_be_it_the_only_one(lone: ServerProcess) -> None:
    def models(contract: contract_pb2.HandoffContract) -> tuple[list[str], list[str]]:
        ref = contract.specialist
        return [m.name for m in ref.models], [m.name for m in ref.excluded_models]

    assert models(routed(lone)) == (["cheap", "strong"], ["idle"])
    with switched_off(lone, models=["cheap"]):
        assert models(routed(lone)) == (["strong"], ["idle", "cheap"])
        assert NO_MODEL not in routed(lone).reasons
    with switched_off(lone, models=["strong"]):
        contract = routed(lone, CLEAR["travel"])
        assert models(contract) == ([], ["strong"])
        assert contract.specialist.excluded_models[0].why == "switched off by an operator"
        assert contract.reasons[-1] == NO_MODEL
        with router(lone) as stub:
            request = router_pb2.GetSpecialistRequest(route="travel")
            assert stub.GetSpecialist(request).specialist == contract.specialist
    assert models(routed(lone)) == (["cheap", "strong"], ["idle"])


@pytest.mark.parametrize(
    ("kind", "name", "enabled", "note", "code", "said"),
    [
        ("route", "musik", False, "", "NOT_FOUND", "'musik'; did you mean music?"),
        ("model", "string", False, "", "NOT_FOUND", "did you mean strong?"),
        ("route", DEFAULT, False, "", "FAILED_PRECONDITION", "name another default_route"),
        ("model", "idle", True, "", "FAILED_PRECONDITION", "write `enabled: true` there"),
        ("route", OFF, False, "é" * 513, "INVALID_ARGUMENT", "the limit is 1,024"),
        ("route", "", False, "", "NOT_FOUND", "no route is called ''"),
    ],
)
def test_what_cannot_be_switched_is_refused(
    lone: ServerProcess, kind: str, name: str, enabled: bool, note: str, code: str, said: str
) -> None:
    switch_it = set_route if kind == "route" else set_model
    with pytest.raises(grpc.RpcError) as caught:
        switch_it(lone, name, enabled=enabled, note=note)
    assert caught.value.code().name == code
    assert said in (caught.value.details() or "")
    assert not status(lone).switches


def test_routing_goes_on_without_the_database_and_catches_up_when_it_is_back(index: Path) -> None:
    with running_postgres() as postgres:
        url = postgres.new_database()
        with (
            running_server(index, WAYPOST_DATABASE=url) as one,
            running_server(index, WAYPOST_DATABASE=url) as two,
        ):
            set_route(one, OFF, enabled=False)
            postgres.stop()
            for server in (one, two):
                until(lambda s=server: "the last switches stay in force" in s.log_text())  # type: ignore[misc]
                assert routed(server).route == DEFAULT
                assert routed(server, CLEAR["travel"]).route == "travel"
            with pytest.raises(grpc.RpcError) as caught:
                set_route(one, OFF, enabled=True)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert routed(one).route == DEFAULT
            postgres.start()
            until(lambda: heeded(two, enabled=True))
            assert {routed(one).route, routed(two).route} == {OFF}
            for server in (one, two):
                until(lambda s=server: "can be used again" in s.log_text())  # type: ignore[misc]
                assert server.log_text().count("the last switches stay in force") == 1
                assert "Traceback" not in server.log_text()


def test_who_cannot_read_the_switches_does_not_start_unless_told(
    index: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    database = f"sqlite:///{tmp_path}/file/waypost.db"
    arguments = ("serve", "--index", str(index), "--address", "127.0.0.1:0")
    refused = waypost(*arguments, WAYPOST_DATABASE=database, WAYPOST_PROCESSES="2")
    assert (refused.returncode, refused.stdout) == (1, "")
    said = [line for line in refused.stderr.splitlines() if line.startswith("waypost: ")]
    assert len(said) == 1
    assert said[0].startswith("waypost: the database that processes share cannot be used: ")
    assert "WAYPOST_START_WITHOUT_DATABASE=true" in said[0]
    with running_server(
        index, WAYPOST_DATABASE=database, WAYPOST_START_WITHOUT_DATABASE="true"
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


def test_the_commands_switch_list_and_audit(index: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    runner = CliRunner(env={"WAYPOST_DATABASE": database})
    old = Target(Kind.ROUTE, "poetry")  # of a bundle that had such a route
    SqlState(open_database(database)).switch(old, enabled=False, who="ada", note="")
    with running_server(index, WAYPOST_DATABASE=database) as server:

        def said(*arguments: str, code: int = 0) -> str:
            done = runner.invoke(switch, [*arguments, "--admin", server.admin_address])
            assert done.exit_code == code, done.output
            return done.output

        assert said("list").startswith("route poetry, off since 2")
        assert said("list").endswith("+00:00 by ada\n")
        assert said("route", "poetry", "on") == (
            "route poetry is on, before it was off; every process heeds it\n"
        )
        assert said("list") == "Nothing is switched off.\n"
        assert "no route is called 'poetry'" in said("route", "poetry", "off", code=1)
        assert said("route", OFF, "off", "--note", "it drifts") == (
            "route music is off, before it was on; every process heeds it\n"
        )
        assert json.loads(said("model", "cheap", "off", "--json")) == {
            "previously_enabled": True,
            "pending_processes": 0,
        }
        newest, oldest = json.loads(said("list", "--json"))
        assert (newest["kind"], newest["name"], newest["note"]) == ("model", "cheap", "")
        assert (oldest["kind"], oldest["name"], oldest["note"]) == ("route", OFF, "it drifts")
        assert f"route {OFF}, off since {oldest['at']}: it drifts\n" in said("list")
        assert "did you mean music?" in said("route", "musik", "off", code=1)
        assert "model cheap is on, before it was off" in said("model", "cheap", "on")
    lines = runner.invoke(audit, []).output.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "ada  switch route poetry: on -> off",
        "(no name)  switch route poetry: off -> on",
        '(no name)  switch route music: on -> off "it drifts"',
        "(no name)  switch model cheap: on -> off",
        "(no name)  switch model cheap: off -> on",
    ]
    acts = json.loads(runner.invoke(audit, ["--json"]).output)
    assert [act["target"] for act in acts] == ["poetry", "poetry", OFF, "cheap", "cheap"]
    assert [act["at"] for act in acts] == sorted(act["at"] for act in acts)
    assert runner.invoke(audit, ["--since", "2999-01-01"]).output == ""
    assert runner.invoke(audit, [], env={"WAYPOST_DATABASE": "none"}).exit_code == 1
