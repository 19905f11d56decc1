"""What a person reads."""

import pytest
from google.protobuf.struct_pb2 import Struct

from waypost.v1 import contract_pb2, router_pb2
from waypost_client._convert import contract_of, routes_of
from waypost_client.text import contract_text, routes_text

PARAMS = Struct()
PARAMS.update({"files": 14, "language": "go"})

CONTRACT = contract_pb2.HandoffContract(
    outcome=contract_pb2.OUTCOME_MATCHED,
    action=contract_pb2.ACTION_INVOKE,
    reasons=[contract_pb2.REASON_ABOVE_THRESHOLD, contract_pb2.REASON_STICKY],
    route="debugging",
    confidence=0.876,
    fallback_route="general",
    rationale='Nearest to "it fails" of debugging.',
    candidates=[
        contract_pb2.Candidate(
            route="debugging",
            confidence=0.876,
            similarity=0.5,
            threshold=0.3,
            nearest_exemplars=[contract_pb2.NearestExemplar(text="it fails", similarity=0.5)],
        )
    ],
    specialist=contract_pb2.SpecialistRef(
        models=[contract_pb2.Model(name="large"), contract_pb2.Model(name="small")]
    ),
    timings=contract_pb2.Timings(encode_us=3100, search_us=40, total_us=3456),
    calibration=contract_pb2.CALIBRATION_METHOD_HELD_OUT,
)


def test_a_contract_reads_like_this() -> None:
    assert contract_text(contract_of(CONTRACT)).splitlines() == [
        "debugging: MATCHED, INVOKE; confidence 0.88",
        '  why        Nearest to "it fails" of debugging.',
        "  reasons    ABOVE_THRESHOLD, STICKY",
        "  models     large, small",
        "  fallback   general",
        "  took       3.5 ms: encode 3.1, search 0.04, decide 0.00, queue 0.00",
        "  candidate  debugging: confidence 0.88, similarity 0.50, needs 0.30",
        "               0.50  it fails",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            contract_pb2.HandoffContract(calibration=contract_pb2.CALIBRATION_METHOD_NONE),
            "confidence 0.88 (not calibrated)",
        ),
        (
            contract_pb2.HandoffContract(clarifying_question="This or that?"),
            "  ask        This or that?",
        ),
        (
            contract_pb2.HandoffContract(extracted_params=PARAMS),
            '  params     files=14, language="go"',
        ),
        (
            contract_pb2.HandoffContract(missing_params=["library", "version"]),
            "  missing    library, version",
        ),
    ],
)
def test_a_reader_is_told_what_matters(change: contract_pb2.HandoffContract, line: str) -> None:
    message = contract_pb2.HandoffContract()
    message.CopyFrom(CONTRACT)
    message.MergeFrom(change)
    assert line in contract_text(contract_of(message))


def test_what_is_not_there_is_none() -> None:
    text = contract_text(contract_of(contract_pb2.HandoffContract(route="default")))
    assert "  fallback   none" in text


def test_a_route_without_models_says_what_that_means_and_what_mends_it() -> None:
    message = contract_pb2.HandoffContract(route="sql", action=contract_pb2.ACTION_INVOKE)
    assert (
        "  models     none named: sql/route.yaml has no `specialist: {models: [NAME]}`\n"
        "             with a NAME of fleet.yaml; the dispatcher asks the fallback route instead\n"
    ) in contract_text(contract_of(message))
    message.reasons.append(contract_pb2.REASON_NO_ELIGIBLE_MODEL)
    assert "  models     none that may be called\n" in contract_text(contract_of(message))
    refused = contract_pb2.HandoffContract(action=contract_pb2.ACTION_REFUSE)
    assert "  models     none named\n" in contract_text(contract_of(refused))


def test_routes_read_like_this() -> None:
    message = router_pb2.ListRoutesResponse(
        routes=[
            router_pb2.RouteInfo(
                name="debugging",
                description="It fails.",
                threshold=0.3,
                threshold_auto=True,
                exemplar_count=57,
                enabled=True,
            ),
            router_pb2.RouteInfo(
                name="general", description="The rest.", threshold=0.25, enabled=True
            ),
            router_pb2.RouteInfo(name="poetry", description="It rhymes.", threshold=0.3),
        ],
        default_route="general",
        index_version="d5fb27680f3f",
    )
    assert routes_text(routes_of(message)).splitlines() == [
        "route      exemplars  threshold  description",
        "debugging         57  0.30 auto  It fails.",
        "general            0  0.25 hand  The rest. (default)",
        "poetry             0  0.30 hand  It rhymes. (switched off)",
        "index d5fb27680f3f",
    ]


def test_a_plan_is_shown_step_by_step() -> None:
    planned = contract_pb2.HandoffContract()
    planned.CopyFrom(CONTRACT)
    planned.plan.add(step=1, route="debugging", text="find\nthe bug", confidence=0.91)
    planned.plan.add(step=2, route="docs", text="then document it", depends_on=[1], confidence=0.8)
    lines = contract_text(contract_of(planned)).splitlines()
    assert lines[6:8] == [
        "  step 1     debugging: find the bug (confidence 0.91)",
        "  step 2     docs, after 1: then document it (confidence 0.80)",
    ]
