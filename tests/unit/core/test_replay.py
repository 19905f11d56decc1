from dataclasses import replace

import pytest

from tests.records import decision
from waypost_server.core.decision_log import CandidateRecord, DecisionRecord
from waypost_server.core.outcome import Outcome, Reason, Stage
from waypost_server.core.replay import (
    MODEL_CHOICE,
    NEAR,
    OLDER,
    Change,
    NotReplayed,
    changes,
    is_of_another_text,
)


def test_a_decision_made_again_as_it_was_has_no_changes() -> None:
    before = decision()
    # Neither who asked nor when, nor the last bit of a number, is of the decision.
    again = replace(
        before,
        decision_id="another",
        at_ms=0,
        caller="",
        text=None,
        confidence=before.confidence + 1e-9,
    )
    assert changes(before, again) == ()


def test_each_thing_that_differs_is_named_with_both_values_in_the_order_of_its_weight() -> None:
    before = decision()
    now = replace(
        before,
        index_version="0" * 12,
        route="travel",
        outcome=Outcome.FALLBACK,
        reasons=(Reason.BELOW_THRESHOLD,),
        confidence=0.2,
        threshold=0.5,
        candidates=(CandidateRecord(route="b", confidence=0, similarity=0, threshold=0),),
        models=(),
    )
    assert changes(before, now) == (
        Change("route", "music", "travel"),
        Change("outcome", "MATCHED", "FALLBACK"),
        Change("reasons", ("ABOVE_THRESHOLD", "ROUTE_REJECTED"), ("BELOW_THRESHOLD",)),
        Change("confidence", before.confidence, 0.2),
        Change("threshold", before.threshold, 0.5),
        Change("candidates", ("music", "a/b"), ("b",)),
        Change("models", ("cheap", "strong"), ()),
        Change("index_version", before.index_version, "0" * 12),
    )


def test_what_is_not_replayed_is_no_change() -> None:
    before = decision(reasons=(Reason.ABOVE_THRESHOLD, Reason.BUDGET_EXHAUSTED))
    now = replace(before, models=(), reasons=(Reason.STICKY,), plan=(), flags=())
    named = {one.name: one for one in changes(before, now)}
    assert named.keys() == {"reasons", "plan", "flags", "models"}
    assert named["plan"] == Change("plan", ("music", "a/b"), ())
    assert named["flags"] == Change("flags", ("PERSONAL_DATA LOW", "JAILBREAK HIGH"), ())
    assert changes(before, now, [MODEL_CHOICE, OLDER]) == (
        Change("reasons", ("ABOVE_THRESHOLD",), ("STICKY",)),
    )
    assert changes(before, now, [NotReplayed("a word alone")]) == tuple(named.values())


def as_near(before: DecisionRecord, by: float) -> DecisionRecord:
    """Its candidates are nearer by so much, and one that was not there is the first."""
    new = CandidateRecord(route="new", confidence=0.5, similarity=0.9, threshold=0.1)
    return replace(before, candidates=(new, *(off(one, by) for one in before.candidates)))


def off(one: CandidateRecord, by: float) -> CandidateRecord:
    return replace(one, similarity=one.similarity + by)


def test_the_log_s_own_text_shows_another_one() -> None:
    before = decision(text="play it again")
    for near in (0.0, 2 * NEAR):
        assert not is_of_another_text(before, as_near(before, near), "play it again\n")
        assert is_of_another_text(before, as_near(before, near), "play it once more")


@pytest.mark.parametrize("kept", [{"text": None}, {"text": "[redacted]", "text_redacted": True}])
def test_exemplars_that_are_not_as_near_in_the_same_bundle_show_another_text(
    kept: dict[str, object],
) -> None:
    before = decision(**kept)
    assert not is_of_another_text(before, as_near(before, NEAR / 2), "any")
    assert is_of_another_text(before, as_near(before, 2 * NEAR), "any")
    music, other = before.candidates
    for each in ((music, off(other, 2 * NEAR)), (off(music, -2 * NEAR), other)):
        assert is_of_another_text(before, replace(before, candidates=each), "any")
    turned = (off(other, -NEAR / 2), off(music, NEAR / 2))
    assert not is_of_another_text(before, replace(before, candidates=turned), "any")
    nearer = as_near(before, 2 * NEAR)
    for other_one in (
        replace(nearer, index_version="0" * 12),
        replace(nearer, encoder_fingerprint="00" * 32),
        replace(nearer, stage=Stage.ENCODER),
    ):
        assert not is_of_another_text(before, other_one, "any")
