from dataclasses import replace

from tests.records import decision
from waypost_server.core.decision_log import CandidateRecord
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.replay import MODEL_CHOICE, OLDER, Change, NotReplayed, changes


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
