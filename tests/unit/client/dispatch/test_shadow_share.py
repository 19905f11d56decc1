"""On which decisions a candidate falls."""

import math
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.v1 import contract_pb2
from waypost_client import Contract, ShadowCandidate
from waypost_client._convert import contract_of
from waypost_client.dispatch._shadow._shadows import falls_on

CONTRACT = contract_of(contract_pb2.HandoffContract())
IDS = [str(uuid.UUID(int=number)) for number in range(20_000)]


def decided(decision_id: str) -> Contract:
    return replace(CONTRACT, decision_id=decision_id)


def drawn(name: str, share: float) -> set[str]:
    candidate = ShadowCandidate(name=name, share=share)
    return {each for each in IDS if falls_on(candidate, decided(each))}


def within_four_sigma(count: int, share: float) -> bool:
    return abs(count - share * len(IDS)) < 4 * math.sqrt(share * (1 - share) * len(IDS))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_it_is_the_share_that_was_asked_for(share: float) -> None:
    assert within_four_sigma(len(drawn("a", share)), share)


def test_nothing_and_everything_are_exact() -> None:
    assert drawn("a", 0.0) == set()
    assert drawn("a", 1.0) == set(IDS)


def test_two_candidates_are_drawn_independently() -> None:
    both = drawn("a", 0.3) & drawn("b", 0.3)
    assert within_four_sigma(len(both), 0.09)


@given(decision_id=st.text(), name=st.text(), share=st.floats(0, 1))
def test_it_is_the_same_whoever_asks_and_a_larger_share_keeps_it(
    decision_id: str, name: str, share: float
) -> None:
    small = falls_on(ShadowCandidate(name=name, share=share), decided(decision_id))
    again = falls_on(ShadowCandidate(name=name, share=share), decided(decision_id))
    large = falls_on(ShadowCandidate(name=name, share=math.sqrt(share)), decided(decision_id))
    assert small == again
    assert large or not small


def test_the_draw_is_the_same_in_every_version() -> None:
    # sha256("decision-0\ntrial") begins with these eight bytes.
    edge = int.from_bytes(bytes.fromhex("c15e135c01f223a5")) / 2**64
    below, above = (ShadowCandidate(name="trial", share=edge + step) for step in (-1e-9, 1e-9))
    assert not falls_on(below, decided("decision-0"))
    assert falls_on(above, decided("decision-0"))
