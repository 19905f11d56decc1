"""Stages before the encoder and after the decision, in their order."""

from dataclasses import replace

import pytest

from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import Clues, Verdict
from waypost_server.core.decision import Decision, decide_by_verdict
from waypost_server.core.judgement import PLAIN, After, Before, Judgement
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query

CATALOG = Catalog(
    taxonomy=Taxonomy(), routes={"a": Route(name="a"), "default": Route(name="default")}
)
VERDICT = Verdict(
    stage=Stage.RULES,
    outcome=Outcome.MATCHED,
    action=Action.INVOKE,
    reason=Reason.RULE_MATCHED,
    route="a",
    rationale="The rule r sends it to a.",
)


def boost(by: float) -> Before:
    def stage(query: Query, clues: Clues) -> Clues:
        return replace(clues, boosts={"a": clues.boosts.get("a", 0.0) * 10 + by})

    return stage


def ends(query: Query, clues: Clues) -> Clues:
    return replace(clues, verdict=VERDICT)


def test_a_stage_sees_what_those_before_it_found_and_a_verdict_ends_the_look() -> None:
    judgement = Judgement(before=(boost(1), boost(2), ends, boost(3)))
    clues = judgement.look(Query(text="x")).clues
    assert clues == Clues(verdict=VERDICT, boosts={"a": 12.0})


@pytest.mark.parametrize("stage", [boost(1), lambda query, clues: clues])
def test_a_query_is_looked_at_once_whatever_is_found(stage: Before) -> None:
    once = Judgement(before=(stage,)).look(Query(text="x"))
    assert Judgement(before=(ends,)).look(once) is once


def test_without_stages_there_is_nothing_to_know() -> None:
    query = Query(text="x")
    assert PLAIN.look(query) is query


def test_stages_after_a_decision_complete_it_in_their_order() -> None:
    def note(text: str) -> After:
        def stage(query: Query, decision: Decision) -> Decision:
            return replace(decision, missing_params=(*decision.missing_params, text))

        return stage

    query = replace(Query(text="x"), clues=Clues(verdict=VERDICT))
    decision = decide_by_verdict(VERDICT, query, CATALOG)
    assert (decision.route.name, decision.fallback_route) == ("a", "default")
    assert decision.reasons == (Reason.RULE_MATCHED,)
    done = Judgement(after=(note("1"), note("2"))).complete(query, decision)
    assert done == replace(decision, missing_params=("1", "2"))
