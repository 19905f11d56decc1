"""Decisions where something is switched off, and what may be switched."""

import dataclasses

import pytest

from tests.fakes import ExactIndex, HashEncoder
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.core.decision import Decision, decide, decide_at_limit
from waypost_server.core.errors import SwitchRefusedError, UnknownModelError, UnknownRouteError
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, NearestExemplar, Ranking
from waypost_server.core.router import Router
from waypost_server.core.switches import (
    NOTHING_OFF,
    Kind,
    Off,
    Switch,
    Switches,
    Target,
    check_switch,
    is_enabled,
    off_in,
)

DEFAULT = "general"
ROUTES = 12
CLOUDS = Clouds(ROUTES, spread=1.4)
MODELS = {
    name: Model(name=name, provider="openai", model_id="x", enabled=name != "idle")
    for name in ("cheap", "strong", "idle")
}
CATALOG = Catalog(
    taxonomy=Taxonomy(default_route=DEFAULT),
    routes={
        "a": Route(name="a", fallback_route="b", specialist=Specialist(models=("cheap",))),
        "b": Route(name="b", fallback_route="c"),
        "c": Route(name="c", specialist=Specialist(models=("cheap", "idle", "strong"))),
        DEFAULT: Route(name=DEFAULT),
    },
    models=MODELS,
)


def asked(*off: str, rejected: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> Query:
    return Query(
        text="x",
        rejected_routes=rejected,
        allowed_routes=frozenset(allowed),
        off=Off(routes=frozenset(off)),
    )


def decided(query: Query, route: str, confidence: float = 0.9, *, left_out: str = "") -> Decision:
    candidate = Candidate(
        route=route,
        score=confidence,
        confidence=confidence,
        similarity=0.6,
        threshold=0.3,
        nearest=(NearestExemplar(f"an exemplar of {route}", 0.6),),
    )
    return decide(Ranking((candidate,), 0.9, calibrated=True, left_out=left_out), CATALOG, query)


def switched_off(*targets: Target) -> Switches:
    return Switches(len(targets), {target: Switch("me", "drill", 1.0) for target in targets})


def route(name: str) -> Target:
    return Target(Kind.ROUTE, name)


def model(name: str) -> Target:
    return Target(Kind.MODEL, name)


def test_the_next_best_route_is_judged_by_its_own_bars_and_the_reason_is_told() -> None:
    nearest = '"an exemplar of b" (similarity 0.60, needs 0.30)'
    sure = decided(asked("a"), "b", left_out="a")
    assert (sure.outcome, sure.route.name) == (Outcome.MATCHED, "b")
    assert sure.reasons == (Reason.ABOVE_THRESHOLD, Reason.ROUTE_DISABLED)
    assert sure.rationale == (
        "a fits best of all, and is switched off. Fits b best of the routes that may be chosen; "
        f"its nearest exemplar is {nearest}."
    )
    unsure = decided(asked("a"), "b", 0.4, left_out="a")
    assert (unsure.outcome, unsure.route.name) == (Outcome.FALLBACK, DEFAULT)
    assert unsure.reasons == (
        Reason.BELOW_MIN_CONFIDENCE,
        Reason.ABOVE_THRESHOLD,
        Reason.ROUTE_DISABLED,
    )
    assert unsure.rationale == (
        "a fits best of all, and is switched off. Not sure enough of b (confidence 0.40, needs "
        f"0.75), so it goes to the default route, general; the nearest exemplar of b is {nearest}."
    )


def test_where_nothing_else_is_left_the_switch_is_told_too() -> None:
    ranking = Ranking((), 0.9, calibrated=True, left_out="a")
    decision = decide(ranking, CATALOG, asked("a", allowed=("a",)))
    assert (decision.outcome, decision.route.name) == (Outcome.OUT_OF_SCOPE, DEFAULT)
    assert decision.reasons == (Reason.NO_CANDIDATE, Reason.ROUTE_DISABLED)
    assert decision.rationale.startswith("a fits best of all, and is switched off. No route")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (asked("a", allowed=("b",)), Reason.ROUTE_NOT_ALLOWED),
        (asked("a", rejected=("a",)), Reason.ROUTE_REJECTED),
    ],
)
def test_a_switch_that_makes_no_difference_is_no_reason(query: Query, reason: Reason) -> None:
    decision = decided(query, "b", left_out="a")
    without = decided(dataclasses.replace(query, off=NOTHING_OFF), "b", left_out="a")
    assert decision == without
    assert reason in decision.reasons


@pytest.mark.parametrize(
    ("off", "fallback"), [((), "b"), (("b",), DEFAULT), (("c",), "b"), (("b", "c"), DEFAULT)]
)
def test_a_fallback_that_is_off_gives_way_to_the_default_route(
    off: tuple[str, ...], fallback: str
) -> None:
    assert decided(asked(*off), "a").fallback_route == fallback


def test_a_fallback_that_is_off_is_none_where_the_default_rejected_the_query() -> None:
    assert decided(asked("b", rejected=(DEFAULT,)), "a").fallback_route == ""


@pytest.mark.parametrize(
    ("off", "rejected", "where"),
    [
        ((), (DEFAULT, "a"), "b"),
        (("b",), (DEFAULT, "a"), DEFAULT),
        (("b",), (DEFAULT, "a", "b"), "c"),
        (("b",), ("c", "b", "a"), DEFAULT),
        ((), (DEFAULT, "a", "b"), "c"),
        (("c",), (DEFAULT, "a", "b"), DEFAULT),
    ],
)
def test_no_rerouted_query_ends_at_a_route_that_is_off(
    off: tuple[str, ...], rejected: tuple[str, ...], where: str
) -> None:
    query = asked(*off, rejected=rejected)
    decision = decide_at_limit(query, CATALOG) or decided(query, "a", 0.4)
    assert decision.route.name == where
    assert decision.fallback_route not in off


def test_a_route_whose_models_are_all_off_says_so() -> None:
    def reasons(*models: str) -> tuple[Reason, ...]:
        query = Query(text="x", off=Off(models=frozenset(models)))
        return decided(query, "c").reasons

    assert reasons() == reasons("cheap") == reasons("strong") == (Reason.ABOVE_THRESHOLD,)
    # The third of them is off in fleet.yaml.
    assert reasons("cheap", "strong") == (Reason.ABOVE_THRESHOLD, Reason.NO_ELIGIBLE_MODEL)


def figures(decision: Decision) -> tuple[float, ...]:
    return tuple(candidate.score for candidate in decision.candidates)


@pytest.fixture(scope="module")
def world() -> Fitted:
    return fitted(CLOUDS, [6] * ROUTES)


def router_of(world: Fitted) -> Router:
    routes = {name: Route(name=name) for name in (*world.exemplars.routes, DEFAULT)}
    routes["r000"] = Route(name="r000", fallback_route="r001")
    catalog = Catalog(taxonomy=Taxonomy(default_route=DEFAULT), routes=routes)
    return Router(catalog, world.exemplars, ExactIndex(world.vectors), world.scoring)


@pytest.fixture(scope="module")
def router(world: Fitted) -> Router:
    return router_of(world)


@pytest.mark.parametrize("many_routes", [False, True], ids=["the head is asked of all", "of some"])
@pytest.mark.parametrize("count", [3, 32])
@pytest.mark.parametrize("places", [(0,), (1,), (0, 1), (7,)])
def test_candidates_are_those_of_a_query_that_allows_the_others(
    world: Fitted, places: tuple[int, ...], count: int, many_routes: bool
) -> None:
    router = router_of(world)
    router.__dict__["_many_routes"] = many_routes
    every = frozenset(router.catalog.routes)
    for encoding in CLOUDS.draw(labels_of([3] * ROUTES), seed=4):
        neighbours = router.search(encoding)
        free = router.decide(encoding, neighbours, Query(text="x", max_candidates=32))
        off = frozenset(free.candidates[place].route for place in places)
        query = Query(text="x", max_candidates=count, off=Off(routes=off))
        ours = router.decide(encoding, neighbours, query)
        oracle = router.decide(
            encoding,
            neighbours,
            Query(text="x", max_candidates=count, allowed_routes=every - off),
        )
        assert (ours.outcome, ours.route) == (oracle.outcome, oracle.route)
        # Asked of all or of some routes, the head's last bits differ.
        exactly = pytest.approx if many_routes else tuple
        assert ours.candidates[0].route == oracle.candidates[0].route
        assert figures(ours)[:1] == exactly(figures(oracle)[:1])
        assert off.isdisjoint({ours.route.name, ours.fallback_route})
        assert off.isdisjoint(candidate.route for candidate in ours.candidates)
        assert (Reason.ROUTE_DISABLED in ours.reasons) is (0 in places)
        assert Reason.ROUTE_NOT_ALLOWED not in ours.reasons
        if count == 32:
            assert [c.route for c in ours.candidates] == [c.route for c in oracle.candidates]
            assert figures(ours) == exactly(figures(oracle))


def test_a_route_far_from_a_query_makes_no_difference_to_it(router: Router) -> None:
    for encoding in CLOUDS.draw(labels_of([3] * ROUTES), seed=4):
        free = router.decide(encoding, router.search(encoding), Query(text="x"))
        shortlist = router.shortlist(encoding)
        near = {router.exemplars.routes[position] for position, _ in shortlist.liked}
        far = frozenset(router.exemplars.routes) - near - {free.fallback_route}
        query = Query(text="x", off=Off(routes=far))
        assert far
        assert router.decide(encoding, router.search(encoding), query) == free


def test_the_first_stage_leaves_a_query_whose_best_route_is_off_to_the_second(
    router: Router,
) -> None:
    stage = FirstStage(HashEncoder(), router, Gate(0.0, -1.0))
    sure = 0
    for encoding in CLOUDS.draw(labels_of([3] * ROUTES), seed=4):
        alone = stage.decide(encoding, Query(text="x"))
        if alone:
            sure += 1
            best, second = (one.route for one in alone.candidates[:2])
            assert stage.decide(encoding, asked(best)) is None
            other = stage.decide(encoding, asked(second))
            assert other is not None
            assert (other.route, other.candidates[0]) == (alone.route, alone.candidates[0])
    assert sure > ROUTES


def test_the_default_route_stays_on_though_it_was_switched_off_under_another() -> None:
    switches = switched_off(route(DEFAULT), route("a"), route("gone"), model("cheap"))
    assert off_in(switches, CATALOG) == Off(frozenset({"a", "gone"}), frozenset({"cheap"}))
    assert off_in(switched_off(route(DEFAULT)), CATALOG) is NOTHING_OFF


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("target", [route("a"), route("gone"), model("cheap"), model("lost")])
def test_what_is_loaded_or_off_can_be_switched(target: Target, enabled: bool) -> None:
    check_switch(target, switched_off(target), CATALOG, enabled=enabled)
    if target.name in (*CATALOG.routes, *CATALOG.models):
        check_switch(target, Switches(), CATALOG, enabled=enabled)


@pytest.mark.parametrize(
    ("target", "enabled", "error", "said"),
    [
        (route("generals"), False, UnknownRouteError, "'generals'; did you mean general?"),
        (route("zzz"), True, UnknownRouteError, "'zzz'; there are a, b, c, general"),
        (model("a"), False, UnknownModelError, "no model is called 'a'; there are cheap, strong"),
        (model("chep"), True, UnknownModelError, "did you mean cheap?"),
        (route(DEFAULT), False, SwitchRefusedError, "name another default_route in taxonomy.yaml"),
        (model("idle"), True, SwitchRefusedError, "write `enabled: true` there and build"),
    ],
)
def test_what_cannot_be_switched_is_refused_with_a_cure(
    target: Target, enabled: bool, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        check_switch(target, Switches(), CATALOG, enabled=enabled)
    assert said in str(caught.value)


def test_the_default_route_can_be_switched_on_and_a_model_of_the_file_off() -> None:
    check_switch(route(DEFAULT), switched_off(route(DEFAULT)), CATALOG, enabled=True)
    check_switch(model("idle"), Switches(), CATALOG, enabled=False)


def test_what_fleet_yaml_switches_off_is_not_enabled() -> None:
    off = switched_off(model("cheap"), route("a"))
    enabled = {
        str(target)
        for target in (*map(model, MODELS), *map(route, CATALOG.routes))
        if is_enabled(target, off, CATALOG)
    }
    assert enabled == {"model strong", "route b", "route c", f"route {DEFAULT}"}
