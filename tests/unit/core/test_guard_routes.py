"""What the guards of routes add to a query, and take back once it goes elsewhere."""

from dataclasses import replace

import pytest

from tests.guards import FLAG_ALL, catalog_with, guard
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import NO_CLUES, Clues, Flag, FlagKind, Severity
from waypost_server.core.decision import Decision, PlanStep, decide_by_model
from waypost_server.core.guard_actions import LOCAL
from waypost_server.core.guard_policy import Actions, GuardPolicy, RouteActions
from waypost_server.core.guard_routes import keep_from_route, note_for_route
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, NearestExemplar

ALL = GuardPolicy(actions=FLAG_ALL)
WATCHED = {FlagKind.PERSONAL_DATA: RouteActions(flag=Severity.LOW, local=Severity.LOW)}
CAREFUL, OPEN, DEFAULT = Route(name="careful", guard=WATCHED), Route(name="open"), Route(name="d")
CATALOG = Catalog(
    taxonomy=Taxonomy(default_route="d", guard=GuardPolicy()),
    routes={route.name: route for route in (CAREFUL, OPEN, DEFAULT)},
)
FOUND = Flag(kind=FlagKind.PERSONAL_DATA, severity=Severity.HIGH, detector="email", end=3)
QUERY = Query(text="a@b.example", clues=Clues(found=(FOUND,)))


def candidate(route: str) -> Candidate:
    return Candidate(
        route=route,
        score=1.0,
        confidence=0.5,
        similarity=0.9,
        threshold=0.1,
        nearest=(NearestExemplar("t", 0.9),),
    )


def unsure_of(route: Route) -> Decision:
    return Decision(
        outcome=Outcome.FALLBACK,
        action=Action.INVOKE,
        reasons=(Reason.BELOW_MIN_CONFIDENCE,),
        route=route,
        fallback_route="",
        rationale="Not sure.",
        clarifying_question="",
        candidates=(candidate("careful"), candidate("open")),
    )


def told(query: Query, decision: Decision) -> tuple[Query, Decision]:
    query = note_for_route(query, decision, CATALOG)
    return query, keep_from_route(query, decision, CATALOG)


def test_a_route_adds_flags_tags_and_a_reason() -> None:
    query, decision = told(QUERY, unsure_of(CAREFUL))
    assert query.clues.flags == (FOUND,)
    assert query.clues.required_tags == {LOCAL}
    assert decision.reasons == (Reason.BELOW_MIN_CONFIDENCE, Reason.GUARD_FLAGGED)


def test_another_route_that_a_model_chooses_begins_without_them() -> None:
    query, decision = told(QUERY, unsure_of(CAREFUL))
    chosen = decide_by_model(decision, decision.candidates[1], query, CATALOG)
    query, decision = told(query, chosen)
    assert decision.route is OPEN
    assert query.clues == QUERY.clues
    assert decision.reasons == (Reason.MODEL_CONSULTED, Reason.BELOW_MIN_CONFIDENCE)


def test_the_same_route_that_a_model_chooses_says_it_once() -> None:
    query, decision = told(QUERY, unsure_of(CAREFUL))
    chosen = decide_by_model(decision, decision.candidates[0], query, CATALOG)
    query, decision = told(query, chosen)
    assert query.clues.flags == (FOUND,)
    assert decision.reasons.count(Reason.GUARD_FLAGGED) == 1


def decided(route: Route) -> Decision:
    return Decision(
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD,),
        route=route,
        fallback_route="default",
        rationale="near an exemplar",
        clarifying_question="",
        candidates=(),
    )


@pytest.mark.parametrize(
    "actions", [RouteActions(refuse=Severity.LOW), RouteActions(send=Severity.LOW)]
)
def test_a_route_does_not_get_what_it_may_not_have(actions: RouteActions) -> None:
    safe = Route(name="safe")
    picky = Route(name="picky", guard={FlagKind.PERSONAL_DATA: actions})
    policy = replace(ALL, restricted_route="safe")
    watch = guard(policy, catalog=catalog_with(policy, safe=safe, picky=picky))
    query = Query(text="write to a@example.com")
    query = replace(query, clues=watch.look(query, NO_CLUES))
    assert watch.complete(query, decided(safe)) == decided(safe)
    kept = watch.complete(query, decided(picky))
    assert (kept.outcome, kept.route, kept.fallback_route) == (Outcome.BLOCKED, safe, "")
    assert kept.action is (Action.REFUSE if actions.refuse else Action.INVOKE)
    assert kept.reasons == (Reason.GUARD_BLOCKED, Reason.ABOVE_THRESHOLD)
    clean = Query(text="write a letter")
    assert watch.complete(clean, decided(picky)) == decided(picky)
    # Nor does it as a later step of a plan, or as the way out.
    steps = tuple(PlanStep(route=route, text="x", confidence=0.9) for route in (safe, picky))
    plan = replace(decided(safe), action=Action.RUN_PLAN, plan=steps)
    kept = watch.complete(query, plan)
    assert (kept.outcome, kept.plan, kept.fallback_route) == (Outcome.BLOCKED, (), "")
    assert "picky may not have" in kept.rationale
    to_picky = replace(decided(safe), fallback_route="picky")
    assert watch.complete(query, to_picky) == replace(to_picky, fallback_route="")


def test_a_route_does_not_get_what_callers_are_not_told_of() -> None:
    picky = Route(name="picky", guard={FlagKind.PERSONAL_DATA: RouteActions(refuse=Severity.LOW)})
    policy = GuardPolicy(actions={FlagKind.PERSONAL_DATA: Actions(flag=None)})
    watch = guard(policy, catalog=catalog_with(policy, picky=picky))
    query = Query(text="write to a@example.com")
    query = replace(query, clues=watch.look(query, NO_CLUES))
    assert query.clues.flags == ()
    assert watch.complete(query, decided(picky)).outcome is Outcome.BLOCKED


ROUTES_OWN = {
    FlagKind.PERSONAL_DATA: RouteActions(
        flag=Severity.LOW, redact=Severity.LOW, local=Severity.HIGH
    )
}


@pytest.mark.parametrize("way", ["route", "step", "fallback"])
def test_a_route_adds_what_it_says_to_what_holds_for_all(way: str) -> None:
    safe, picky = Route(name="safe"), Route(name="picky", guard=ROUTES_OWN)
    policy = GuardPolicy(actions={FlagKind.PERSONAL_DATA: Actions(flag=None)})
    watch = guard(policy, catalog=catalog_with(policy, safe=safe, picky=picky))
    to_picky = {
        "route": decided(picky),
        "step": replace(decided(safe), plan=(PlanStep(route=picky, text="x", confidence=0.9),)),
        "fallback": replace(decided(safe), fallback_route="picky"),
    }[way]
    for text, local in (("write to a@example.com", False), ("4111 1111 1111 1111", True)):
        query = Query(text=text)
        query = replace(query, clues=watch.look(query, NO_CLUES))
        assert watch.note(query, decided(safe)) == query
        noted = watch.note(query, to_picky)
        assert noted.clues.flags == noted.clues.hidden == query.clues.found
        assert noted.clues.required_tags == ({"local"} if local else frozenset())
        assert watch.note(noted, to_picky) == noted  # a model that chooses again adds nothing twice
        assert watch.complete(noted, to_picky).reasons == (
            Reason.ABOVE_THRESHOLD, Reason.GUARD_FLAGGED,
        )  # fmt: skip
        assert watch.complete(query, decided(safe)) == decided(safe)


def test_what_a_route_sends_away_is_what_the_other_route_says_too() -> None:
    actions = RouteActions(flag=Severity.LOW, send=Severity.LOW)
    picky = Route(name="picky", guard={FlagKind.PERSONAL_DATA: actions})
    safe = Route(name="safe", guard={FlagKind.PERSONAL_DATA: RouteActions(local=Severity.LOW)})
    policy = GuardPolicy(
        actions={FlagKind.PERSONAL_DATA: Actions(flag=None)}, restricted_route="safe"
    )
    watch = guard(policy, catalog=catalog_with(policy, safe=safe, picky=picky))
    query = Query(text="write to a@example.com")
    query = replace(query, clues=watch.look(query, NO_CLUES))
    noted = watch.note(query, decided(picky))
    assert len(noted.clues.flags) == 1
    assert noted.clues.required_tags == {"local"}
    assert watch.complete(noted, decided(picky)).route is safe
