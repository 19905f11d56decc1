"""Specialists that reject a query, over the wire."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import running_server
from tests.e2e.topics import CLEAR, DEFAULT
from waypost.v1 import contract_pb2, router_pb2, router_pb2_grpc

MATCHED, FALLBACK = contract_pb2.OUTCOME_MATCHED, contract_pb2.OUTCOME_FALLBACK
REJECTED, LIMIT = contract_pb2.REASON_ROUTE_REJECTED, contract_pb2.REASON_REROUTE_LIMIT
Stub = router_pb2_grpc.RouterServiceStub


@pytest.fixture(scope="module", params=["true", "false"], ids=["two stages", "one stage"])
def stub(request: pytest.FixtureRequest, topics_index: Path) -> Iterator[Stub]:
    with (
        running_server(topics_index, WAYPOST_TWO_STAGE=request.param) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield Stub(channel)


def routed(stub: Stub, text: str, **fields: object) -> contract_pb2.HandoffContract:
    return stub.RouteQuery(router_pb2.RouteQueryRequest(text=text, **fields)).contract  # type: ignore[arg-type]


def rerouted(
    stub: Stub, before: contract_pb2.HandoffContract, text: str, *rejected: str, **fields: object
) -> contract_pb2.HandoffContract:
    request = router_pb2.RerouteQueryRequest(
        query=router_pb2.RouteQueryRequest(text=text, max_candidates=32, **fields),  # type: ignore[arg-type]
        decision_id=before.decision_id,
        rejected_routes=rejected,
        rejection_reason="not mine",
    )
    return stub.RerouteQuery(request).contract


def test_a_chain_of_rejections_ends_at_the_limit(stub: Stub) -> None:
    text = CLEAR["music"]
    first = routed(stub, text)
    assert (first.outcome, first.route, first.fallback_route) == (MATCHED, "music", "travel")

    second = rerouted(stub, first, text, "music")
    assert (second.outcome, second.route) == (FALLBACK, DEFAULT)
    assert REJECTED in second.reasons
    assert LIMIT not in second.reasons

    third = rerouted(stub, second, text, "music", DEFAULT)
    assert (third.outcome, third.route, third.fallback_route) == (FALLBACK, "travel", "weather")
    assert list(third.reasons)[-2:] == [REJECTED, LIMIT]
    assert f"travel, the fallback of music, since the default route, {DEFAULT}" in third.rationale

    last = rerouted(stub, third, text, "music", DEFAULT, "travel")
    assert (last.outcome, last.route, last.fallback_route) == (FALLBACK, "weather", "")
    assert list(last.reasons)[:2] == [LIMIT, REJECTED]
    assert last.stage == contract_pb2.DECISION_STAGE_RULES
    assert (len(last.candidates), last.confidence) == (0, 0)
    assert last.rationale == (
        "3 routes rejected it, the last of them travel, too many to look for another, so it goes "
        f"to weather, the fallback of travel, since the default route, {DEFAULT}, rejected it."
    )

    everyone = rerouted(stub, last, text, "music", DEFAULT, "travel", "weather")
    assert (everyone.route, everyone.fallback_route) == (DEFAULT, "")
    chain = [first, second, third, last, everyone]
    assert len({contract.decision_id for contract in chain}) == len(chain)
    assert {contract.index_version for contract in chain} == {first.index_version}
    assert all(
        contract.specialist == s
        for contract, s in zip(chain, specialists(stub, chain), strict=True)
    )


def specialists(
    stub: Stub, chain: list[contract_pb2.HandoffContract]
) -> list[contract_pb2.SpecialistRef]:
    return [
        stub.GetSpecialist(router_pb2.GetSpecialistRequest(route=contract.route)).specialist
        for contract in chain
    ]


@pytest.mark.parametrize("text", CLEAR.values())
def test_candidates_are_those_of_a_query_that_allows_the_others(stub: Stub, text: str) -> None:
    every = {route.name for route in stub.ListRoutes(router_pb2.ListRoutesRequest()).routes}
    before = routed(stub, text)
    ours = rerouted(stub, before, text, before.route)
    oracle = routed(stub, text, max_candidates=32, allowed_routes=every - {before.route})
    assert ours.candidates == oracle.candidates
    assert (ours.outcome, ours.route, ours.confidence) == (
        oracle.outcome,
        oracle.route,
        oracle.confidence,
    )
    assert before.route not in {candidate.route for candidate in ours.candidates}
    assert REJECTED in ours.reasons


def test_a_route_that_was_not_the_best_leaves_the_decision_as_it_is(stub: Stub) -> None:
    text = CLEAR["travel"]
    before = routed(stub, text, max_candidates=32)
    after = rerouted(stub, before, text, "banking")
    assert (after.outcome, after.route, after.stage) == (MATCHED, "travel", before.stage)
    assert after.reasons == before.reasons
    assert after.rationale == before.rationale
    assert [c for c in before.candidates if c.route != "banking"] == list(after.candidates)


def test_what_is_allowed_and_rejected_is_not_chosen_and_neither_is_what_is_not_allowed(
    stub: Stub,
) -> None:
    text = CLEAR["music"]
    before = routed(stub, text, allowed_routes=["music"])
    after = rerouted(stub, before, text, "music", allowed_routes=["music"])
    assert (before.route, after.route) == ("music", DEFAULT)
    assert len(after.candidates) == 0
    assert after.reasons[0] == contract_pb2.REASON_NO_CANDIDATE
    # travel would be the fallback of music.
    end = rerouted(stub, after, text, "music", DEFAULT, allowed_routes=["music"])
    assert (end.route, end.fallback_route) == (DEFAULT, "")
    assert list(end.reasons)[-1] == LIMIT


def test_a_route_whose_models_are_all_switched_off_says_so(stub: Stub) -> None:
    contract = routed(stub, CLEAR["weather"])
    assert contract.route == "weather"
    assert list(contract.reasons)[-1] == contract_pb2.REASON_NO_ELIGIBLE_MODEL
    assert [model.name for model in contract.specialist.excluded_models] == ["idle"]
