import pytest

from tests.fakes import ExactIndex
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.decision import Decision
from waypost_server.core.errors import InvalidQueryError, UnknownRouteError
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.query import MAX_CANDIDATES, Query
from waypost_server.core.ranking import rank_routes
from waypost_server.core.router import SHORTLIST, Router
from waypost_server.core.softmax import Floats
from waypost_server.core.thresholds import DEFAULT_THRESHOLD

ROUTES = 80
CLOUDS = Clouds(ROUTES, dimension=48, inner=24, spread=1.6)
"""So crowded that a tenth of the queries go wrong: a shortlist has something to lose."""

BARE, BY_HAND = "bare", "bare_by_hand"
"""Routes without exemplars."""


@pytest.fixture(scope="module")
def world() -> Fitted:
    return fitted(CLOUDS, [5] * ROUTES)


@pytest.fixture(scope="module")
def router(world: Fitted) -> Router:
    routes = {name: Route(name=name) for name in (*world.exemplars.routes, BARE)}
    routes[BY_HAND] = Route(name=BY_HAND, threshold=0.7)
    catalog = Catalog(taxonomy=Taxonomy(default_route=BARE), routes=routes)
    return Router(catalog, world.exemplars, ExactIndex(world.vectors), world.scoring)


def decided(
    router: Router, encoding: Floats, *, allowed: frozenset[str] = frozenset(), count: int = 0
) -> Decision:
    query = Query(text="x", allowed_routes=allowed, max_candidates=count)
    return router.decide(encoding, router.search(encoding), query)


def test_a_shortlist_leaves_the_best_route_and_its_confidence_as_if_all_were_compared(
    world: Fitted, router: Router
) -> None:
    labels = labels_of([4] * ROUTES)
    right = 0
    for query, label in zip(CLOUDS.draw(labels, seed=11), labels, strict=True):
        found = decided(router, query).candidates
        everything = rank_routes(
            query,
            range(ROUTES),
            scoring=world.scoring,
            exemplars=world.exemplars,
            index=ExactIndex(world.vectors),
            allowed=(),
            count=3,
        ).candidates
        assert found[0].route == everything[0].route
        assert found[0].confidence == pytest.approx(everything[0].confidence, abs=1e-5)
        right += found[0].route == f"r{label:03}"
    assert 0.5 < right / len(labels) < 0.95


@pytest.mark.parametrize("count", [1, 2, 5, SHORTLIST + 1, MAX_CANDIDATES])
def test_asking_for_more_candidates_changes_neither_the_best_nor_its_confidence(
    router: Router, count: int
) -> None:
    for query in CLOUDS.draw(labels_of([1] * ROUTES), seed=12)[::6]:
        some, usual = decided(router, query, count=count), decided(router, query)
        assert len(some.candidates) == max(2, count)
        assert some.candidates[0].route == usual.candidates[0].route
        assert some.candidates[0].confidence == pytest.approx(
            usual.candidates[0].confidence, abs=1e-5
        )


@pytest.mark.parametrize("allowed", [["r003"], ["r003", "r050"], [f"r{i:03}" for i in range(30)]])
def test_only_allowed_routes_are_candidates_and_the_best_of_them_is_first(
    world: Fitted, router: Router, allowed: list[str]
) -> None:
    ids = [world.exemplars.routes.index(name) for name in allowed]
    for query in CLOUDS.draw(labels_of([1] * ROUTES), seed=13)[::6]:
        found = decided(router, query, allowed=frozenset(allowed), count=32).candidates
        expected = rank_routes(
            query,
            ids,
            scoring=world.scoring,
            exemplars=world.exemplars,
            index=ExactIndex(world.vectors),
            allowed=(),
            count=32,
        ).candidates
        assert [c.route for c in found] == [c.route for c in expected]


def test_where_only_routes_without_exemplars_are_allowed_there_is_no_candidate(
    router: Router,
) -> None:
    decision = decided(router, CLOUDS.strangers(1, seed=0)[0], allowed=frozenset([BARE]))
    assert decision.outcome is Outcome.OUT_OF_SCOPE
    assert decision.reasons == (Reason.NO_CANDIDATE, Reason.ROUTE_NOT_ALLOWED)
    assert decision.route.name == BARE


def test_thresholds_are_the_fitted_ones_else_the_written_one_else_the_default(
    world: Fitted, router: Router
) -> None:
    assert router.threshold_of("r007") == world.scoring.thresholds["r007"]
    assert router.threshold_of(BY_HAND) == 0.7
    assert router.threshold_of(BARE) == DEFAULT_THRESHOLD
    with pytest.raises(UnknownRouteError):
        router.threshold_of("r999")


def test_it_says_what_its_confidences_were_fitted_on(router: Router) -> None:
    assert router.calibration is CalibrationMethod.CROSS_FITTED


def test_a_query_that_allows_an_unknown_route_is_refused(router: Router) -> None:
    router.check(Query(text="x", allowed_routes=frozenset(["r000", BARE])))
    with pytest.raises(InvalidQueryError, match="allowed_routes names 'r999', which is not load"):
        router.check(Query(text="x", allowed_routes=frozenset(["r000", "r999"])))


def test_forbidding_the_right_route_makes_no_other_route_surer(router: Router) -> None:
    for encoding in CLOUDS.strangers(3, seed=1):
        free = decided(router, encoding, allowed=frozenset())
        _, *others = (candidate.route for candidate in free.candidates)
        kept = decided(router, encoding, allowed=frozenset(others))
        surest = {candidate.route: candidate.confidence for candidate in free.candidates}
        for candidate in kept.candidates:
            assert candidate.confidence == pytest.approx(surest[candidate.route])
        assert Reason.ROUTE_NOT_ALLOWED in kept.reasons
