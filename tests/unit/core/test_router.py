import numpy as np
import pytest

from tests.fakes import ExactIndex
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of, table_of
from waypost_server.core.calibration import UNCALIBRATED, CalibrationMethod
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import Clues, Previous
from waypost_server.core.comparing import COMPARED
from waypost_server.core.decision import Decision
from waypost_server.core.errors import InvalidQueryError, UnknownRouteError
from waypost_server.core.evidence import SHORTLIST, gather_evidence, score_routes
from waypost_server.core.head import Head
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.query import MAX_CANDIDATES, Query
from waypost_server.core.router import MANY_ROUTES, Router
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import Floats, LinearMap
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


def test_one_query_is_decided_as_many_at_once_are_when_all_routes_are_compared(
    world: Fitted, router: Router
) -> None:
    labels = labels_of([4] * ROUTES)
    queries = CLOUDS.draw(labels, seed=11)
    logits, outside = world.scoring.head.logits(queries)
    cosines = queries[:, : world.dimension] @ world.vectors.T
    evidence = gather_evidence(score_routes(logits, cosines, world.exemplars.sizes), outside)
    confidences = world.scoring.calibration.confidence(evidence)
    for i, query in enumerate(queries):
        best = decided(router, query).candidates[0]
        assert best.route == world.exemplars.routes[evidence.route[i]]
        assert best.confidence == pytest.approx(confidences[i], abs=1e-5)
    assert 0.5 < float((evidence.route == labels).mean()) < 0.95


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
        logits = world.scoring.head.logits(query[np.newaxis])[0]
        cosines = (world.vectors @ query[: world.dimension])[np.newaxis]
        scores = score_routes(logits, cosines, world.exemplars.sizes).score[0]
        expected = sorted(ids, key=lambda i: -scores[i])
        assert [c.route for c in found] == [world.exemplars.routes[i] for i in expected]


def test_the_previous_route_of_a_conversation_is_a_candidate_whatever_its_place(
    world: Fitted, router: Router
) -> None:
    for query in CLOUDS.draw(labels_of([1] * ROUTES), seed=14)[::6]:
        every = decided(router, query, count=MAX_CANDIDATES).candidates
        last = world.exemplars.routes[int(world.scoring.head.logits(query[np.newaxis])[0].argmin())]
        assert last not in {candidate.route for candidate in every}
        there = Query(text="x", clues=Clues(previous=Previous(last, 30.0)))
        first, *others = router.decide(query, router.search(query), there).candidates
        assert first.route == last
        assert first.confidence == pytest.approx(1, abs=1e-6)
        assert [one.route for one in others] == [one.route for one in every[: len(others)]]


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


def test_what_is_nearest_in_a_route_too_large_to_be_compared_whole_is_still_found() -> None:
    sizes = [3 * COMPARED, 5, 2 * COMPARED]
    clouds = Clouds(3, spread=1.2)
    encodings = clouds.draw(labels_of(sizes), seed=1)
    world = Fitted(plain_scoring(encodings, sizes), table_of(sizes), encodings, clouds.dimension)
    router = router_of(world)
    for i, query in enumerate(clouds.draw(labels_of([20, 20, 20]), seed=2)):
        best = decided(router, query).candidates[0]
        rows = world.exemplars.rows_of(world.exemplars.positions[best.route])
        cosines = world.vectors[rows] @ query[: world.dimension]
        assert best.similarity == pytest.approx(cosines.max(), abs=1e-6), i
        assert best.nearest[0].text == world.exemplars.texts[rows.start + int(cosines.argmax())]


def test_of_very_many_routes_the_head_is_asked_about_those_of_near_exemplars() -> None:
    count = MANY_ROUTES + 100
    sizes = [2] * count
    clouds = Clouds(count, dimension=64, spread=0.8)
    encodings = clouds.draw(labels_of(sizes), seed=1)
    world = Fitted(plain_scoring(encodings, sizes), table_of(sizes), encodings, clouds.dimension)
    router = router_of(world)
    labels = labels_of([1] * count)[::10]
    queries = clouds.draw(labels, seed=2)
    logits, _ = world.scoring.head.logits(queries)
    cosines = queries[:, : world.dimension] @ world.vectors.T
    expected = score_routes(logits, cosines, world.exemplars.sizes).score.argmax(axis=1)
    found = [decided(router, query).candidates[0].route for query in queries]
    same = [route == world.exemplars.routes[i] for route, i in zip(found, expected, strict=True)]
    assert np.mean(same) >= 0.98
    # A route that is allowed is found, however far away, and so is that of a conversation.
    last = Previous(world.exemplars.routes[-1], 30.0)
    previous = Query(text="x", clues=Clues(previous=last))
    stays = router.decide(queries[0], router.search(queries[0]), previous)
    assert [one.route for one in stays.candidates[:2]] == [last.route, found[0]]
    only = decided(router, queries[0], allowed=frozenset([world.exemplars.routes[-1]]))
    assert [candidate.route for candidate in only.candidates] == [world.exemplars.routes[-1]]
    for query, best in zip(queries[:5], found, strict=False):
        rejected = Query(text="x", rejected_routes=(best,))
        others = frozenset(world.exemplars.routes) - {best}
        left = router.decide(query, router.search(query), rejected)
        assert left.candidates == decided(router, query, allowed=others).candidates


def plain_scoring(encodings: Floats, sizes: list[int]) -> Scoring:
    """A head of the routes' means, which takes no fit."""
    routes = table_of(sizes).routes
    ends = np.cumsum(sizes).tolist()
    means = [
        encodings[end - size : end].mean(axis=0) for size, end in zip(sizes, ends, strict=True)
    ]
    mapped = LinearMap(10 * np.array(means).T, np.zeros(len(sizes), np.float32))
    head = Head(mapped, len(sizes))
    return Scoring(head, UNCALIBRATED, dict.fromkeys(routes, 0.0))


def router_of(world: Fitted) -> Router:
    routes = {name: Route(name=name) for name in world.exemplars.routes}
    catalog = Catalog(taxonomy=Taxonomy(default_route="r000"), routes=routes)
    return Router(catalog, world.exemplars, ExactIndex(world.vectors), world.scoring)
