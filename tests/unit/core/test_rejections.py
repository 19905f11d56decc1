"""Decisions about queries that specialists rejected."""

from collections.abc import Sequence

import pytest

from tests.fakes import ExactIndex, HashEncoder
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.core.decision import Decision, decide, decide_at_limit
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, NearestExemplar, Ranking
from waypost_server.core.rejections import MAX_REROUTES, check_reroute
from waypost_server.core.router import Router

ID = "01a20346-90bb-7465-b170-858465de7f3e"
DEFAULT = "general"
CATALOG = Catalog(
    taxonomy=Taxonomy(default_route=DEFAULT),
    routes={
        "a": Route(name="a", fallback_route="b"),
        "b": Route(name="b"),
        "c": Route(name="c", fallback_route="a"),
        "d": Route(name="d"),
        DEFAULT: Route(name=DEFAULT),
    },
)


def candidate(route: str, confidence: float) -> Candidate:
    nearest = (NearestExemplar(f"an exemplar of {route}", 0.6),)
    return Candidate(
        route=route,
        score=confidence,
        confidence=confidence,
        similarity=0.6,
        threshold=0.3,
        nearest=nearest,
    )


def asked(*rejected: str, allowed: Sequence[str] = ()) -> Query:
    return Query(text="x", rejected_routes=rejected, allowed_routes=frozenset(allowed))


def decided(query: Query, candidates: Sequence[Candidate], *, left_out: str = "") -> Decision:
    return decide(
        Ranking(tuple(candidates), 0.9, calibrated=True, left_out=left_out), CATALOG, query
    )


SURE_B, UNSURE_B = candidate("b", 0.9), candidate("b", 0.4)
UNSURE = (Reason.BELOW_MIN_CONFIDENCE, Reason.ABOVE_THRESHOLD)
NEAREST = '"an exemplar of b" (similarity 0.60, needs 0.30).'


def test_the_best_route_that_is_left_is_judged_by_the_same_bars() -> None:
    sure = decided(asked("a"), [SURE_B], left_out="a")
    assert (sure.outcome, sure.route.name) == (Outcome.MATCHED, "b")
    assert sure.reasons == (Reason.ABOVE_THRESHOLD, Reason.ROUTE_REJECTED)
    assert sure.rationale == (
        f"Fits b best of the routes that may be chosen; its nearest exemplar is {NEAREST}"
    )
    unsure = decided(asked("a"), [UNSURE_B], left_out="a")
    assert (unsure.outcome, unsure.route.name) == (Outcome.FALLBACK, DEFAULT)
    assert unsure.reasons == (*UNSURE, Reason.ROUTE_REJECTED)
    assert unsure.rationale == (
        "Not sure enough of b (confidence 0.40, needs 0.75), so it goes to the default route, "
        f"general; the nearest exemplar of b is {NEAREST}"
    )


def test_a_rejected_route_that_would_not_have_been_the_best_is_no_reason() -> None:
    decision = decided(asked("c"), [SURE_B])
    assert decision.reasons == (Reason.ABOVE_THRESHOLD,)
    assert decision.rationale.startswith("Fits b best; ")


def test_what_left_the_best_route_out_is_named() -> None:
    not_allowed = decided(asked("c", allowed=["b", "c"]), [SURE_B], left_out="a")
    assert not_allowed.reasons == (Reason.ABOVE_THRESHOLD, Reason.ROUTE_NOT_ALLOWED)
    rejected = decided(asked("c", allowed=["b", "c"]), [SURE_B], left_out="c")
    assert rejected.reasons == (Reason.ABOVE_THRESHOLD, Reason.ROUTE_REJECTED)


@pytest.mark.parametrize(
    ("rejected", "allowed", "route", "where"),
    [
        (
            (DEFAULT, "a"),
            (),
            "b",
            "b, the fallback of a, since the default route, general, rejected it",
        ),
        (
            (DEFAULT, "d"),
            (),
            DEFAULT,
            "the default route, general, which rejected it, for want of another",
        ),
        (
            ("a", DEFAULT),
            (),
            "b",
            "b, the fallback of a, since the default route, general, rejected it",
        ),
        (
            ("a", "d", DEFAULT),
            (),
            "b",
            "b, the fallback of a, since the default route, general, rejected it",
        ),
        (
            (DEFAULT,),
            (),
            DEFAULT,
            "the default route, general, which rejected it, for want of another",
        ),
        (
            (DEFAULT, "a"),
            ("a", "c"),
            DEFAULT,
            "the default route, general, which rejected it, for want of another",
        ),
        (("a",), (), DEFAULT, "the default route, general"),
    ],
    ids=[
        "the last one's fallback",
        "it has none",
        "an earlier one's fallback",
        "that of a still earlier one",
        "the default alone",
        "not allowed",
        "no need",
    ],
)
def test_where_nothing_is_good_enough_it_goes_where_it_was_not_rejected_if_it_can(
    rejected: tuple[str, ...], allowed: tuple[str, ...], route: str, where: str
) -> None:
    decision = decided(asked(*rejected, allowed=allowed), [UNSURE_B])
    assert (decision.outcome, decision.action) == (Outcome.FALLBACK, Action.INVOKE)
    assert decision.route.name == route
    no_default = DEFAULT in rejected
    more = (Reason.ROUTE_REJECTED, Reason.REROUTE_LIMIT) if no_default else ()
    assert decision.reasons == (*UNSURE, *more)
    assert decision.rationale == (
        f"Not sure enough of b (confidence 0.40, needs 0.75), so it goes to {where}; "
        f"the nearest exemplar of b is {NEAREST}"
    )
    assert decision.fallback_route == ""


@pytest.mark.parametrize(
    ("rejected", "fallback"), [((), "b"), (("c",), "b"), (("b",), ""), (("d", "b"), "")]
)
def test_no_fallback_is_a_route_that_rejected_it(rejected: tuple[str, ...], fallback: str) -> None:
    assert decided(asked(*rejected), [candidate("a", 0.9)]).fallback_route == fallback


@pytest.mark.parametrize(
    ("rejected", "allowed", "route", "fallback", "where"),
    [
        (("b", "c", "a"), (), DEFAULT, "", "the default route, general"),
        (("c", "d", "a"), (), "b", DEFAULT, "b, the fallback of a"),
        (("c", "d", "a"), ("a", "c"), DEFAULT, "", "the default route, general"),
        (("a", "b", "d"), (), DEFAULT, "", "the default route, general"),
        (
            (DEFAULT, "c", "a"),
            (),
            "b",
            "",
            "b, the fallback of a, since the default route, general, rejected it",
        ),
        (
            (DEFAULT, "b", "a"),
            (),
            DEFAULT,
            "",
            "the default route, general, which rejected it, for want of another",
        ),
        (
            ("a", "b", "c", "d", DEFAULT),
            (),
            DEFAULT,
            "",
            "the default route, general, which rejected it, for want of another",
        ),
    ],
)
def test_beyond_the_limit_nothing_is_looked_at(
    rejected: tuple[str, ...], allowed: tuple[str, ...], route: str, fallback: str, where: str
) -> None:
    decision = decide_at_limit(asked(*rejected, allowed=allowed), CATALOG)
    assert decision is not None
    assert (decision.outcome, decision.action) == (Outcome.FALLBACK, Action.INVOKE)
    assert decision.reasons == (Reason.REROUTE_LIMIT, Reason.ROUTE_REJECTED)
    assert (decision.route.name, decision.fallback_route) == (route, fallback)
    assert decision.candidates == ()
    assert decision.rationale == (
        f"{len(rejected)} routes rejected it, the last of them {rejected[-1]}, too many to look "
        f"for another, so it goes to {where}."
    )


@pytest.mark.parametrize("count", range(MAX_REROUTES + 1))
def test_up_to_the_limit_it_is_looked_at(count: int) -> None:
    assert decide_at_limit(asked(*"abcd"[:count]), CATALOG) is None


def test_a_route_that_names_models_and_has_none_enabled_is_a_reason() -> None:
    def routed(*models: str) -> tuple[Reason, ...]:
        route = Route(name=DEFAULT, specialist=Specialist(models=models))
        catalog = Catalog(
            taxonomy=Taxonomy(default_route=DEFAULT),
            routes={DEFAULT: route, "a": Route(name="a")},
            models={
                name: Model(name=name, provider="openai", model_id="x", enabled=name == "on")
                for name in ("on", "off", "out")
            },
        )
        found = decide(Ranking((), 0.0, calibrated=False), catalog, Query(text="x"))
        return found.reasons

    assert routed() == routed("on") == routed("off", "on") == (Reason.NO_CANDIDATE,)
    assert routed("off", "out") == (Reason.NO_CANDIDATE, Reason.NO_ELIGIBLE_MODEL)


ROUTES = 12
CLOUDS = Clouds(ROUTES, spread=1.4)


@pytest.fixture(scope="module")
def world() -> Fitted:
    return fitted(CLOUDS, [6] * ROUTES)


@pytest.fixture(scope="module")
def router(world: Fitted) -> Router:
    routes = {name: Route(name=name) for name in (*world.exemplars.routes, DEFAULT)}
    catalog = Catalog(taxonomy=Taxonomy(default_route=DEFAULT), routes=routes)
    return Router(catalog, world.exemplars, ExactIndex(world.vectors), world.scoring)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("allowed", [None, 5], ids=["all allowed", "some allowed"])
def test_candidates_are_those_of_a_router_that_is_asked_for_the_others(
    router: Router, count: int, allowed: int | None
) -> None:
    every = frozenset(router.catalog.routes)
    for encoding in CLOUDS.draw(labels_of([3] * ROUTES), seed=4):
        neighbours = router.search(encoding)
        free = router.decide(encoding, neighbours, Query(text="x", max_candidates=32))
        best_first = [one.route for one in free.candidates]
        rejected = tuple(best_first[:count])
        open_ = frozenset(best_first[:allowed]) if allowed else frozenset[str]()
        ours = router.decide(
            encoding,
            neighbours,
            Query(text="x", max_candidates=32, rejected_routes=rejected, allowed_routes=open_),
        )
        oracle = router.decide(
            encoding,
            neighbours,
            Query(text="x", max_candidates=32, allowed_routes=(open_ or every) - {*rejected}),
        )
        assert ours.candidates == oracle.candidates
        assert [one.route for one in ours.candidates] == best_first[count:allowed]
        assert (ours.outcome, ours.route) == (oracle.outcome, oracle.route)
        assert Reason.ROUTE_REJECTED in ours.reasons
        assert Reason.ROUTE_NOT_ALLOWED not in ours.reasons


def test_where_every_allowed_route_rejected_it_there_is_no_candidate(router: Router) -> None:
    encoding = CLOUDS.draw(labels_of([1] * ROUTES), seed=4)[0]
    query = asked("r000", allowed=["r000"])
    decision = router.decide(encoding, router.search(encoding), query)
    assert decision.candidates == ()
    assert decision.outcome is Outcome.OUT_OF_SCOPE
    assert decision.reasons[0] is Reason.NO_CANDIDATE
    assert decision.route.name == DEFAULT


def test_the_first_stage_leaves_a_query_whose_best_route_rejected_it_to_the_second(
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
            assert second not in {one.route for one in other.candidates}
    assert sure > ROUTES


def test_a_rejected_route_must_be_loaded(router: Router) -> None:
    router.check(asked("r000", DEFAULT))
    with pytest.raises(InvalidQueryError, match="rejected_routes names 'poetry', which is"):
        router.check(asked("r000", "poetry"))


@pytest.mark.parametrize(
    ("decision_id", "rejected", "reason", "said"),
    [
        ("", ("a",), "", "decision_id is ''; send the decision_id of a contract, a UUIDv7"),
        ("01a20346-90bb-4465-b170-858465de7f3e", ("a",), "", "decision_id is '01a20346-"),
        ("01a20346-90bb-7465-c170-858465de7f3e", ("a",), "", "a UUIDv7"),
        (ID + "\n", ("a",), "", "a UUIDv7"),
        (ID, (), "", "rejected_routes is empty; name the route that rejected the query"),
        (ID, ("a", "b", "a"), "", "rejected_routes names 'a' twice"),
        (ID, ("a",), "é" * 513, "rejection_reason is 1,026 bytes in UTF-8; the limit is 1,024"),
    ],
)
def test_a_wish_that_breaks_a_limit_is_refused(
    decision_id: str, rejected: tuple[str, ...], reason: str, said: str
) -> None:
    check_reroute(decision_id=ID, rejected=("a", "b", "c"), reason="é" * 512)
    with pytest.raises(InvalidQueryError) as caught:
        check_reroute(decision_id=decision_id, rejected=rejected, reason=reason)
    assert said in str(caught.value)
