"""Kill switches over the wire: what a server does with them, and how they are set."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from tests.e2e.processes import ServerProcess, running_server
from tests.e2e.switching import (
    DISABLED,
    NO_MODEL,
    OFF,
    TEXT,
    routed,
    router,
    set_model,
    set_route,
    status,
    switched_off,
)
from tests.e2e.topics import CLEAR, DEFAULT
from waypost.v1 import contract_pb2, router_pb2
from waypost_client.switches import switch
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.commands.audit import audit
from waypost_server.core.switches import Kind, Target


@pytest.fixture(scope="module")
def lone(topics_index: Path) -> Iterator[ServerProcess]:
    """A server without a database, one process for all tests that put back what they switch."""
    with running_server(topics_index, WAYPOST_DATABASE="none") as running:
        yield running
        assert "Traceback" not in running.log_text()


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
        assert after.rationale.startswith("music fits best of all, and is switched off. Not near")
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


def test_the_commands_switch_list_and_audit(topics_index: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    runner = CliRunner(env={"WAYPOST_DATABASE": database})
    old = Target(Kind.ROUTE, "poetry")  # of a bundle that had such a route
    SqlState(open_database(database)).switch(old, enabled=False, who="ada", note="")
    with running_server(topics_index, WAYPOST_DATABASE=database) as server:

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
        "somebody without a token  switch route poetry: off -> on",
        'somebody without a token  switch route music: on -> off "it drifts"',
        "somebody without a token  switch model cheap: on -> off",
        "somebody without a token  switch model cheap: off -> on",
    ]
    acts = json.loads(runner.invoke(audit, ["--json"]).output)
    assert [act["target"] for act in acts] == ["poetry", "poetry", OFF, "cheap", "cheap"]
    assert [act["at"] for act in acts] == sorted(act["at"] for act in acts)
    later = runner.invoke(audit, ["--since", "2999-01-01"])
    assert (later.stdout, later.stderr) == ("", "waypost: the audit has nothing since then\n")
    assert runner.invoke(audit, [], env={"WAYPOST_DATABASE": "none"}).exit_code == 1
