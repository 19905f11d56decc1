"""What becomes of queries in conversations, from the look at them to the decision."""

import math
from dataclasses import replace

import pytest

from tests.unit.core.test_staying import ranking
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import NO_CLUES, Clues, Previous
from waypost_server.core.conversation import follow, note_unknown, stickiness_of
from waypost_server.core.decision import Decision, decide
from waypost_server.core.followup import followup_log_odds
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Conversation, Query
from waypost_server.core.ranking import Ranking
from waypost_server.core.staying import OTHER_WEIGHT, PREVIOUS_WEIGHT, log_odds
from waypost_server.core.switches import Off

ROUTES = ("a", "b", "c", "default")
CATALOG = Catalog(
    taxonomy=Taxonomy(stickiness=1.0, margin=0.1),
    routes={name: Route(name=name) for name in ROUTES},
)
FOLLOWUP = Query(text="and then?", conversation=Conversation(previous_route="b"))


def with_stickiness(common: float, **own: float) -> Catalog:
    return replace(
        CATALOG,
        taxonomy=replace(CATALOG.taxonomy, stickiness=common),
        routes={name: Route(name=name, stickiness=own.get(name)) for name in ROUTES},
    )


def looked(query: Query, catalog: Catalog = CATALOG, *, routes: int = 2) -> Clues:
    return follow(catalog, routes=routes)(query, query.clues)


def test_a_conversation_is_followed_with_the_odds_of_its_words() -> None:
    assert looked(FOLLOWUP).previous == Previous("b", followup_log_odds("and then?"))


def test_with_many_routes_the_same_confidence_says_more() -> None:
    few, many = looked(FOLLOWUP, routes=2).previous, looked(FOLLOWUP, routes=101).previous
    assert few
    assert many
    assert many.log_odds - few.log_odds == pytest.approx(PREVIOUS_WEIGHT * math.log(100))


@pytest.mark.parametrize(("factor", "expected"), [(2.0, math.log(2)), (0.5, -math.log(2))])
def test_stickiness_is_a_factor_of_the_odds_and_a_routes_own_counts(
    factor: float, expected: float
) -> None:
    plain = looked(FOLLOWUP).previous
    assert plain
    for catalog in (with_stickiness(factor), with_stickiness(1.0, b=factor)):
        found = looked(FOLLOWUP, catalog).previous
        assert found
        assert found.log_odds - plain.log_odds == pytest.approx(expected)


def test_a_route_may_opt_out_and_a_taxonomy_without_stickiness_has_no_sticky_route() -> None:
    assert stickiness_of(with_stickiness(0.0)) == {}
    assert stickiness_of(with_stickiness(1.0, b=0.0)).keys() == {"a", "c", "default"}
    assert stickiness_of(with_stickiness(0.0, b=2.0)) == {"b": 2.0}
    assert looked(FOLLOWUP, with_stickiness(1.0, b=0.0)) is NO_CLUES


NO_SAY = {
    "first query": replace(FOLLOWUP, conversation=Conversation()),
    "gone": replace(FOLLOWUP, conversation=Conversation(previous_route="gone")),
    "rejected": replace(FOLLOWUP, rejected_routes=("b",)),
    "rerouted": replace(FOLLOWUP, rejected_routes=("a",)),
    "switched off": replace(FOLLOWUP, off=Off(routes=frozenset("b"))),
    "not allowed": replace(FOLLOWUP, allowed_routes=frozenset("ac")),
    "forbidden": replace(FOLLOWUP, clues=Clues(forbidden=frozenset("b"))),
}


@pytest.mark.parametrize("query", NO_SAY.values(), ids=NO_SAY)
def test_a_previous_route_that_may_not_be_chosen_has_no_say(query: Query) -> None:
    assert looked(query).previous is None


def decided(found: Ranking, odds: float, *, catalog: Catalog = CATALOG) -> Decision:
    query = replace(FOLLOWUP, clues=Clues(previous=Previous("b", odds)))
    return decide(found, catalog, query)


def test_a_followup_near_no_route_stays_and_says_so() -> None:
    decision = decided(ranking(0.3, 0.1, scope=0.4), 6.0)
    assert (decision.outcome, decision.action) == (Outcome.MATCHED, Action.INVOKE)
    assert (decision.route.name, decision.reasons) == ("b", (Reason.STICKY,))
    confidence = decision.candidates[0].confidence
    assert decision.rationale == (
        f"Goes on with b, where the conversation was ({confidence:.0%} sure); the nearest "
        'exemplar of b is "one of b" (similarity 0.60, needs 0.30).'
    )


def test_what_is_not_sure_enough_to_stay_goes_to_the_default_route() -> None:
    decision = decided(ranking(0.3, 0.1, scope=0.4), 2.0)
    assert 0.5 < decision.candidates[0].confidence < 0.75
    assert decision.outcome is Outcome.FALLBACK
    assert (decision.route.name, decision.candidates[0].route) == ("default", "b")
    assert decision.reasons == (Reason.BELOW_MIN_CONFIDENCE, Reason.STICKY)


def test_what_neither_goes_on_nor_is_like_a_route_is_out_of_scope() -> None:
    decision = decided(ranking(0.05, 0.04, scope=0.1), 0.5)
    assert 0.1 < decision.candidates[0].confidence < 0.5
    assert (decision.candidates[0].route, decision.route.name) == ("b", "default")
    assert (decision.outcome, decision.reasons) == (Outcome.OUT_OF_SCOPE, (Reason.NEAR_NO_ROUTE,))


def test_a_switch_says_what_it_leaves() -> None:
    decision = decided(ranking(0.98, 0.005), 0.0)
    assert (decision.outcome, decision.route.name) == (Outcome.MATCHED, "a")
    assert decision.reasons == (Reason.ABOVE_THRESHOLD, Reason.TOPIC_SWITCH)
    assert decision.rationale.startswith("Fits a best, not b, where the conversation was; its")


def test_what_fits_the_previous_route_anyway_is_surer_and_says_nothing_of_the_conversation() -> (
    None
):
    found = ranking(0.8, 0.1)
    query = replace(FOLLOWUP, clues=Clues(previous=Previous("a", 3.0)))
    decision, alone = decide(found, CATALOG, query), decide(found, CATALOG, Query(text="x"))
    assert decision.reasons == alone.reasons == (Reason.ABOVE_THRESHOLD,)
    assert decision.rationale == alone.rationale
    assert decision.candidates[0].confidence > alone.candidates[0].confidence


def test_between_two_it_asks() -> None:
    even = -PREVIOUS_WEIGHT * log_odds(0.3) - OTHER_WEIGHT * log_odds(0.6)
    decision = decided(ranking(0.6, 0.3), even)
    first, second = decision.candidates[:2]
    assert first.route == "b"
    assert first.confidence == pytest.approx(0.5)
    assert second.confidence == pytest.approx(0.6 * 0.5 / 0.7)
    assert (decision.outcome, decision.action) == (Outcome.AMBIGUOUS, Action.CLARIFY)
    assert decision.reasons == (Reason.WITHIN_MARGIN, Reason.STICKY)


def test_a_previous_route_that_is_gone_is_named_and_changes_nothing_else() -> None:
    said = note_unknown(CATALOG)
    gone = replace(FOLLOWUP, conversation=Conversation(previous_route='old\n"one"' + "x" * 200))
    decision = decide(ranking(0.9, 0.05), CATALOG, gone)
    noted = said(gone, decision)
    assert replace(noted, rationale=decision.rationale) == decision
    head, tail = noted.rationale.split("; the conversation's previous route, ")
    assert head + "." == decision.rationale
    assert tail.startswith('"old "one"xxx')
    assert tail.endswith('…", is not loaded and counts for nothing.')
    assert "\n" not in tail
    assert len(tail) < 200
    for known in (FOLLOWUP, Query(text="x")):
        assert said(known, decision) is decision
