"""What a client reports, and what the next contracts make of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import running_server
from tests.e2e.topics import CLEAR
from waypost.v1 import admin_pb2, admin_pb2_grpc, contract_pb2, router_pb2, router_pb2_grpc
from waypost_server.service.ids import new_decision_id

PATIENCE_SECONDS = 20.0


@pytest.fixture
def server(topics_index: Path) -> Iterator["Caller"]:
    """One that has heard nothing yet."""
    with (
        running_server(topics_index) as running,
        grpc.insecure_channel(running.address) as channel,
        running.admin() as admin,
    ):
        yield Caller(channel, admin)


class Caller:
    """Calls with the generated stubs."""

    def __init__(self, channel: grpc.Channel, admin: admin_pb2_grpc.AdminServiceStub) -> None:
        self.router = router_pb2_grpc.RouterServiceStub(channel)
        self.admin = admin

    def route(self, route: str) -> contract_pb2.HandoffContract:
        request = router_pb2.RouteQueryRequest(text=CLEAR[route])
        contract = self.router.RouteQuery(request).contract
        assert contract.route == route
        return contract

    def specialist(self, route: str) -> contract_pb2.SpecialistRef:
        request = router_pb2.GetSpecialistRequest(route=route)
        return self.router.GetSpecialist(request).specialist

    def models(self, route: str) -> list[str]:
        return [model.name for model in self.route(route).specialist.models]

    def report(self, **fields: object) -> router_pb2.ReportOutcomeResponse:
        request = router_pb2.ReportOutcomeRequest(**{"decision_id": new_decision_id()} | fields)  # type: ignore[arg-type]
        return self.router.ReportOutcome(request)

    def attempt(self, model: str, **fields: object) -> None:
        self.report(attempts=[router_pb2.ModelAttempt(model=model, **fields)])  # type: ignore[arg-type]

    def status(self) -> admin_pb2.GetStatusResponse:
        return self.admin.GetStatus(admin_pb2.GetStatusRequest())


def test_a_model_whose_breaker_is_open_is_left_out_until_somebody_reports_a_success(
    server: Caller,
) -> None:
    assert server.models("music") == ["cheap", "strong"]
    server.attempt("cheap", error_kind="timeout", breaker_open=True, breaker_open_ms=60_000)
    specialist = server.route("music").specialist
    assert [model.name for model in specialist.models] == ["strong"]
    idle, cheap = specialist.excluded_models
    assert (idle.name, idle.why) == ("idle", "switched off in fleet.yaml")
    assert cheap.name == "cheap"
    assert cheap.why.startswith("a client's circuit breaker for it is open, as reported ")
    assert [m.name for m in server.specialist("music").models] == ["strong"]
    assert [(m.name, m.failed, m.left_out) for m in server.status().models] == [("cheap", 1, True)]

    server.attempt("cheap", error_kind="timeout")
    assert server.models("music") == ["strong"]
    server.attempt("cheap", succeeded=True)
    assert server.models("music") == ["cheap", "strong"]
    assert server.specialist("music") == server.route("music").specialist
    assert [(m.succeeded, m.failed, m.left_out) for m in server.status().models] == [(1, 2, False)]


def test_a_model_is_named_again_after_its_time(server: Caller) -> None:
    began = time.monotonic()
    server.attempt("cheap", breaker_open=True, breaker_open_ms=1_500)
    while server.models("music") != ["cheap", "strong"]:
        assert time.monotonic() - began < PATIENCE_SECONDS
        time.sleep(0.02)
    assert time.monotonic() - began >= 1.5


def test_where_no_other_model_is_left_all_are_named(server: Caller) -> None:
    for model in ("cheap", "strong"):
        server.attempt(model, breaker_open=True)
    contract = server.route("travel")
    assert [model.name for model in contract.specialist.models] == ["strong"]
    assert contract_pb2.REASON_NO_ELIGIBLE_MODEL not in contract.reasons
    assert server.models("music") == ["cheap", "strong"]
    assert [m.name for m in server.status().models if m.left_out] == ["cheap", "strong"]


def test_outcomes_are_counted_by_route_and_each_decision_once(server: Caller) -> None:
    music, travel = server.route("music").decision_id, server.route("travel").decision_id
    accepted, rejected, failed, not_called = (
        router_pb2.SPECIALIST_OUTCOME_ACCEPTED,
        router_pb2.SPECIALIST_OUTCOME_REJECTED,
        router_pb2.SPECIALIST_OUTCOME_FAILED,
        router_pb2.SPECIALIST_OUTCOME_NOT_CALLED,
    )
    attempts = [
        router_pb2.ModelAttempt(model="cheap", error_kind="rate_limited"),
        router_pb2.ModelAttempt(model="strong", succeeded=True, cost_usd=0.01),
        router_pb2.ModelAttempt(model="a judge", succeeded=True),
    ]
    answer = server.report(decision_id=music, outcome=accepted, route="music", attempts=attempts)
    assert (answer.durable, answer.already_known) == (True, False)
    answer = server.report(decision_id=music, outcome=accepted, route="music", attempts=attempts)
    assert (answer.durable, answer.already_known) == (True, True)
    thought = {"feedback": router_pb2.FEEDBACK_NEGATIVE, "correct_route": "travel"}
    assert not server.report(decision_id=music, **thought).already_known
    server.report(decision_id=travel, outcome=rejected, route="travel")
    server.report(outcome=failed, route="travel")
    server.report(outcome=accepted, route="travel", answered_by="weather")
    server.report(outcome=not_called, route="travel")
    server.report(outcome=accepted)

    status = server.status()
    assert list(status.route_outcomes) == [
        admin_pb2.RouteOutcomes(route="music", accepted=1),
        admin_pb2.RouteOutcomes(route="travel", rejected=1, failed=1, not_called=1),
        admin_pb2.RouteOutcomes(route="weather", accepted=1),
    ]
    assert list(status.models) == [
        admin_pb2.ModelStatus(name="a judge", succeeded=1),
        admin_pb2.ModelStatus(name="cheap", failed=1),
        admin_pb2.ModelStatus(name="strong", succeeded=1),
    ]
