"""What DESIGN.md promises is in the protocol, under numbers that never change."""

from types import ModuleType

import pytest
from google.protobuf.descriptor import Descriptor

from waypost.v1 import admin_pb2, contract_pb2, router_pb2

HANDOFF_CONTRACT = {
    "decision_id": 1,
    "outcome": 2,
    "action": 3,
    "reasons": 4,
    "route": 5,
    "confidence": 6,
    "similarity": 7,
    "threshold": 8,
    "extracted_params": 9,
    "missing_params": 10,
    "fallback_route": 11,
    "rationale": 12,
    "clarifying_question": 13,
    "candidates": 14,
    "specialist": 15,
    "plan": 16,
    "hints": 17,
    "flags": 18,
    "index_version": 19,
    "contract_version": 20,
    "encoder_fingerprint": 21,
    "timings": 22,
    "calibration": 23,
    "stage": 24,
    "durable": 25,
}
ROUTE_QUERY_REQUEST = {
    "text": 1,
    "request_id": 2,
    "conversation": 3,
    "tenant": 4,
    "metadata": 5,
    "allowed_routes": 6,
    "input_tokens": 7,
    "max_candidates": 8,
    "explain": 9,
    "wait_for_log": 10,
}
CONVERSATION = {"session_id": 1, "previous_route": 2, "recent_user_turns": 3}
PLAN_STEP = {"step": 1, "route": 2, "text": 3, "depends_on": 4}
HINTS = {"needs_retrieval": 1, "reasoning_effort": 2}
FLAG = {"kind": 1, "start": 2, "end": 3, "severity": 4}
TIMINGS = {"queue_us": 1, "encode_us": 2, "search_us": 3, "decide_us": 4}
CANDIDATE = {
    "route": 1,
    "confidence": 2,
    "similarity": 3,
    "threshold": 4,
    "nearest_exemplars": 6,
}
SPECIALIST_REF = {"prompt_sha256": 1, "models": 2, "sampling": 3, "timeouts": 4}
ROUTE_RESULT = {"contract": 1, "error": 2}
ROUTE_ERROR = {"code": 1, "message": 2}


@pytest.mark.parametrize(
    ("message", "golden"),
    [
        (contract_pb2.HandoffContract, HANDOFF_CONTRACT),
        (contract_pb2.Candidate, CANDIDATE),
        (contract_pb2.SpecialistRef, SPECIALIST_REF),
        (contract_pb2.PlanStep, PLAN_STEP),
        (contract_pb2.Hints, HINTS),
        (contract_pb2.Flag, FLAG),
        (contract_pb2.Timings, TIMINGS),
        (router_pb2.RouteQueryRequest, ROUTE_QUERY_REQUEST),
        (router_pb2.Conversation, CONVERSATION),
        (router_pb2.RouteResult, ROUTE_RESULT),
        (router_pb2.RouteError, ROUTE_ERROR),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_fields_keep_their_numbers(message: type, golden: dict[str, int]) -> None:
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[attr-defined]
    numbers = {field.name: field.number for field in descriptor.fields}
    assert {name: numbers.get(name) for name in golden} == golden


@pytest.mark.parametrize(
    ("descriptor", "golden"),
    [
        (contract_pb2.HandoffContract.DESCRIPTOR, HANDOFF_CONTRACT),
        (router_pb2.RouteQueryRequest.DESCRIPTOR, ROUTE_QUERY_REQUEST),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_new_field_enters_the_golden_table(
    descriptor: Descriptor, golden: dict[str, int]
) -> None:
    assert {field.name: field.number for field in descriptor.fields} == golden


def test_the_services_have_the_calls_that_the_design_names() -> None:
    router = router_pb2.DESCRIPTOR.services_by_name["RouterService"]
    admin = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
    assert [method.name for method in router.methods] == [
        "RouteQuery",
        "RouteQueries",
        "StreamQueries",
        "RerouteQuery",
        "ReportOutcome",
        "ListRoutes",
        "GetSpecialist",
        "GetContractSchema",
    ]
    assert [method.name for method in admin.methods] == [
        "BuildIndex",
        "ListIndexVersions",
        "ActivateIndexVersion",
        "SetRouteEnabled",
        "SetModelEnabled",
        "GetStatus",
    ]


@pytest.mark.parametrize(
    ("call", "from_client", "from_server"),
    [("StreamQueries", True, True), ("RouteQueries", False, False), ("RouteQuery", False, False)],
)
def test_only_the_stream_streams(call: str, from_client: bool, from_server: bool) -> None:
    method = router_pb2.DESCRIPTOR.services_by_name["RouterService"].methods_by_name[call]
    assert (method.client_streaming, method.server_streaming) == (from_client, from_server)


@pytest.mark.parametrize("stubs", [admin_pb2, contract_pb2, router_pb2])
def test_a_protos_path_is_its_package_and_its_import_path(stubs: ModuleType) -> None:
    file = stubs.DESCRIPTOR
    assert file.name.removesuffix(".proto").replace("/", ".") == stubs.__name__.removesuffix("_pb2")
    assert stubs.__name__.startswith(f"{file.package}.")
