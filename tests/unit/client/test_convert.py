"""Contracts from servers that are newer, older or sparing with words."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from waypost.v1 import admin_pb2, contract_pb2, router_pb2
from waypost_client import (
    Action,
    Calibration,
    Contract,
    ExcludedModel,
    Flag,
    FlagKind,
    Hints,
    InvalidRequestError,
    NearestExemplar,
    Outcome,
    PlanStep,
    Reason,
    Sampling,
    Severity,
    Stage,
    WaypostError,
)
from waypost_client._admin_convert import status_of
from waypost_client._convert import contract_of, requests_of, result_of, specialist_of

NEWER = contract_pb2.HandoffContract.FromString(
    b"\x10\x63"  # outcome = 99
    b"\x18\x63"  # action = 99
    b"\x22\x02\x01\x63"  # reasons = [1, 99]
    b"\xb8\x01\x63"  # calibration = 99
    b"\xc0\x01\x63"  # stage = 99
    b"\x2a\x09debugging"  # route
    b"\xfa\x3e\x03new"  # a field 1007
)


def test_values_of_a_newer_server_are_unspecified_and_the_rest_is_read() -> None:
    contract = contract_of(NEWER)
    assert contract.outcome is Outcome.UNSPECIFIED
    assert contract.action is Action.UNSPECIFIED
    assert contract.reasons == (Reason.ABOVE_THRESHOLD, Reason.UNSPECIFIED)
    assert contract.calibration is Calibration.UNSPECIFIED
    assert contract.stage is Stage.UNSPECIFIED
    assert contract.route == "debugging"


def test_a_newer_servers_contract_keeps_its_numbers_in_json() -> None:
    assert '"outcome": 99' in contract_of(NEWER).to_json(indent=1)


@pytest.mark.parametrize("enum", [Outcome, Action, Reason, Calibration, Stage])
def test_a_name_that_this_client_does_not_know_is_unspecified(enum: Any) -> None:  # noqa: ANN401
    assert enum("FROM_THE_FUTURE") is enum.UNSPECIFIED


def test_an_absent_value_is_not_a_zero() -> None:
    bare = contract_of(contract_pb2.HandoffContract())
    assert bare.specialist.sampling == Sampling(
        temperature=None, top_p=None, max_output_tokens=0, stop=(), seed=None
    )
    assert bare.hints == Hints(needs_retrieval=None, reasoning_effort=None)
    greedy = contract_pb2.HandoffContract(
        specialist=contract_pb2.SpecialistRef(
            sampling=contract_pb2.Sampling(temperature=0, top_p=0, seed=0)
        ),
        hints=contract_pb2.Hints(
            needs_retrieval=False, reasoning_effort=contract_pb2.REASONING_EFFORT_HIGH
        ),
    )
    contract = contract_of(greedy)
    assert contract.specialist.sampling == Sampling(
        temperature=0, top_p=0, max_output_tokens=0, stop=(), seed=0
    )
    assert contract.hints == Hints(needs_retrieval=False, reasoning_effort="high")


def test_parameters_come_as_python_values() -> None:
    params = Struct()
    params.update({"language": "rust", "line": 3, "tags": ["a", "b"], "deep": {"x": None}})
    contract = contract_of(contract_pb2.HandoffContract(extracted_params=params))
    assert contract.extracted_params == {
        "language": "rust",
        "line": 3.0,
        "tags": ["a", "b"],
        "deep": {"x": None},
    }


def test_exemplars_and_excluded_models_keep_their_order() -> None:
    contract = contract_of(
        contract_pb2.HandoffContract(
            candidates=[
                contract_pb2.Candidate(
                    route="a",
                    nearest_exemplars=[
                        contract_pb2.NearestExemplar(text="one", similarity=0.5),
                        contract_pb2.NearestExemplar(text="two", similarity=0.25),
                    ],
                ),
                contract_pb2.Candidate(route="b"),
            ],
            specialist=contract_pb2.SpecialistRef(
                excluded_models=[contract_pb2.ExcludedModel(name="m", why="switched off")]
            ),
        )
    )
    assert [candidate.route for candidate in contract.candidates] == ["a", "b"]
    assert contract.candidates[0].nearest_exemplars == (
        NearestExemplar("one", 0.5),
        NearestExemplar("two", 0.25),
    )
    assert contract.specialist.excluded_models == (ExcludedModel("m", "switched off"),)


@pytest.mark.parametrize(
    ("known", "sent", "prompt"),
    [("", "You review.", "You review."), ("abc", "", None), ("old", "You review.", "You review.")],
)
def test_a_prompt_is_none_only_if_the_caller_holds_it(
    known: str, sent: str, prompt: str | None
) -> None:
    message = router_pb2.GetSpecialistResponse(
        route="a", prompt=sent, specialist=contract_pb2.SpecialistRef(prompt_sha256="abc")
    )
    assert specialist_of(message, known_prompt_sha256=known).prompt == prompt


def test_a_route_without_a_prompt_has_an_empty_one() -> None:
    message = router_pb2.GetSpecialistResponse(route="a")
    specialist = specialist_of(message, known_prompt_sha256="")
    assert (specialist.prompt, specialist.params_schema) == ("", None)


def test_an_item_of_a_batch_is_its_contract_or_its_error() -> None:
    good = router_pb2.RouteResult(contract=contract_pb2.HandoffContract(route="debugging"))
    bad = router_pb2.RouteResult(error=router_pb2.RouteError(code=3, message="text is blank"))
    contract, error = result_of(good), result_of(bad)
    assert isinstance(contract, Contract)
    assert contract.route == "debugging"
    assert isinstance(error, InvalidRequestError)
    assert error.details == "text is blank"


def test_an_item_with_neither_is_an_error() -> None:
    assert isinstance(result_of(router_pb2.RouteResult()), WaypostError)


@pytest.mark.parametrize(("number", "name"), [(2, "SERVING"), (3, "DRAINING"), (99, "UNSPECIFIED")])
def test_a_servers_state_is_a_word(number: int, name: str) -> None:
    message = admin_pb2.GetStatusResponse.FromString(b"\x08" + bytes([number]))
    assert status_of(message).state == name


def test_a_bare_string_is_no_list_of_queries() -> None:
    with pytest.raises(TypeError, match="give a list of strings"):
        requests_of("abc")


def test_a_step_is_read_with_its_specialist_and_parameters() -> None:
    params = Struct()
    params.update({"language": "python"})
    ref = contract_pb2.SpecialistRef(prompt_sha256="ab", models=[contract_pb2.Model(name="m")])
    message = contract_pb2.HandoffContract(
        plan=[
            contract_pb2.PlanStep(
                step=2,
                route="docs",
                text="document it",
                depends_on=[1],
                confidence=0.8,
                specialist=ref,
                extracted_params=params,
            )
        ]
    )
    [step] = contract_of(message).plan
    assert step == PlanStep(
        step=2,
        route="docs",
        text="document it",
        depends_on=(1,),
        confidence=0.8,
        specialist=contract_of(contract_pb2.HandoffContract(specialist=ref)).specialist,
        extracted_params={"language": "python"},
    )


def test_flags_come_with_their_places_and_a_newer_kind_is_no_error() -> None:
    message = contract_pb2.HandoffContract(
        flags=[
            contract_pb2.Flag(
                kind=contract_pb2.FLAG_KIND_SECRET,
                start=3,
                end=9,
                severity=contract_pb2.SEVERITY_HIGH,
                detector="token",
            ),
            contract_pb2.Flag.FromString(b"\x08\x63"),  # kind = 99
        ]
    )
    known, newer = contract_of(message).flags
    assert known == Flag(
        kind=FlagKind.SECRET, start=3, end=9, severity=Severity.HIGH, detector="token"
    )
    assert (newer.kind, newer.severity) == (FlagKind.UNSPECIFIED, Severity.UNSPECIFIED)
