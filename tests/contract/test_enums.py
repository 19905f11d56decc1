"""Enums are written down on three sides: the proto, the client's types and core."""

from enum import StrEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor

import waypost_client
from waypost.v1 import contract_pb2, router_pb2
from waypost_server.core import calibration, catalog, clues, outcome, policy, report

OF_THE_CONTRACT = {
    **contract_pb2.DESCRIPTOR.enum_types_by_name,
    **router_pb2.DESCRIPTOR.enum_types_by_name,
}


def names(enum: EnumDescriptor, prefix: str) -> list[str]:
    return [value.name.removeprefix(prefix) for value in enum.values]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (waypost_client.Outcome, "Outcome"),
        (waypost_client.Action, "Action"),
        (waypost_client.Reason, "Reason"),
        (waypost_client.Calibration, "CalibrationMethod"),
        (waypost_client.Stage, "DecisionStage"),
        (waypost_client.Pattern, "Pattern"),
        (waypost_client.Pick, "Pick"),
        (waypost_client.GuardAction, "GuardAction"),
        (waypost_client.SpecialistOutcome, "SpecialistOutcome"),
        (waypost_client.Feedback, "Feedback"),
        (waypost_client.AttemptRole, "AttemptRole"),
    ],
)
def test_the_clients_enums_have_the_contracts_names_in_its_order(
    ours: type[StrEnum], theirs: str
) -> None:
    enum = OF_THE_CONTRACT[theirs]
    assert [member.value for member in ours] == names(enum, _prefix(theirs))
    assert [member.name for member in ours] == [member.value for member in ours]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (outcome.Outcome, "Outcome"),
        (outcome.Action, "Action"),
        (outcome.Reason, "Reason"),
        (calibration.CalibrationMethod, "CalibrationMethod"),
        (catalog.ReasoningEffort, "ReasoningEffort"),
        (policy.Pattern, "Pattern"),
        (policy.Pick, "Pick"),
        (policy.GuardAction, "GuardAction"),
        (report.SpecialistOutcome, "SpecialistOutcome"),
        (outcome.Stage, "DecisionStage"),
        (clues.FlagKind, "FlagKind"),
        (clues.Severity, "Severity"),
    ],
)
def test_core_decides_nothing_that_the_contract_cannot_say(
    ours: type[StrEnum], theirs: str
) -> None:
    known = names(OF_THE_CONTRACT[theirs], _prefix(theirs))
    assert {member.value.upper() for member in ours} <= {*known} - {"UNSPECIFIED"}


@pytest.mark.parametrize("name", sorted(OF_THE_CONTRACT))
def test_zero_is_unspecified_and_names_carry_their_enums(name: str) -> None:
    enum = OF_THE_CONTRACT[name]
    assert enum.values_by_number[0].name == f"{_prefix(name)}UNSPECIFIED"
    assert all(value.name.startswith(_prefix(name)) for value in enum.values)


def _prefix(name: str) -> str:
    words = "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_")
    return f"{words.upper()}_"
