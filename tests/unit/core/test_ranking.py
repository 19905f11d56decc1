import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of, table_of
from waypost_server.core.calibration import UNCALIBRATED, Calibration, CalibrationMethod
from waypost_server.core.crossfit import hold_out
from waypost_server.core.evidence import SIMILARITY_WEIGHT, Evidence
from waypost_server.core.ranking import Candidate, Ranking
from waypost_server.core.scoring import fit_scoring
from waypost_server.core.softmax import Floats
from waypost_server.core.thresholds import DEFAULT_THRESHOLD

SIZES = [1, 2, 3, 8, 5, 2]
CLOUDS = Clouds(len(SIZES), spread=1.0)
WORLD = fitted(CLOUDS, SIZES)
QUERIES = CLOUDS.draw(labels_of([4] * len(SIZES)), seed=5)


def ranking(
    world: Fitted, query: Floats, *, routes: list[int] | None = None, count: int = 32
) -> Ranking:
    return world.ranking(query, routes=routes, count=count)


def slow_candidates(world: Fitted, query: Floats, routes: list[int]) -> list[Candidate]:
    """All by loops, but for confidence."""
    logits = world.scoring.head.logits(query[np.newaxis])[0][0]
    found = []
    for i in routes:
        name = world.exemplars.routes[i]
        own = [r for r, route_id in enumerate(world.exemplars.route_ids) if route_id == i]
        cosines = {r: float(world.vectors[r] @ query[: world.dimension]) for r in own}
        nearest = sorted(own, key=lambda r: -cosines[r])[:3]
        closeness = sum(cosines[r] for r in nearest) / len(nearest)
        found.append(
            Candidate(
                route=name,
                score=float(logits[i]) + SIMILARITY_WEIGHT * closeness,
                confidence=0.0,
                similarity=cosines[nearest[0]],
                threshold=world.scoring.thresholds[name],
                nearest=(),
            )
        )
    return sorted(found, key=lambda candidate: -candidate.score)


@pytest.mark.parametrize("routes", [[0, 1, 2, 3, 4, 5], [1, 4], [3], [0, 2, 5]], ids=str)
def test_routes_are_ranked_as_the_loop_ranks_them(routes: list[int]) -> None:
    for query in QUERIES:
        expected = slow_candidates(WORLD, query, routes)
        found = ranking(WORLD, query, routes=routes).candidates
        assert [c.route for c in found] == [c.route for c in expected]
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-4)
            assert ours.similarity == pytest.approx(theirs.similarity, abs=1e-6)
            assert ours.threshold == theirs.threshold


def test_a_boost_is_added_to_the_score_and_takes_confidence_from_the_others() -> None:
    for query in QUERIES:
        plain = {one.route: one for one in ranking(WORLD, query).candidates}
        for route in (0, 3):
            name = WORLD.exemplars.routes[route]
            found = WORLD.ranking(query, count=32, boosts={name: 2.5}).candidates
            boosted = {one.route: one for one in found}
            assert boosted[name].score == pytest.approx(plain[name].score + 2.5, abs=1e-4)
            assert boosted[name].confidence >= plain[name].confidence - 1e-9
            others = [one for one in found if one.route != name]
            assert [one.score for one in others] == [plain[one.route].score for one in others]


def test_a_boost_lifts_a_route_that_the_head_would_not_have_looked_at() -> None:
    clouds = Clouds(30, spread=0.3)
    world = fitted(clouds, [3] * 30)
    query = clouds.draw(labels_of([1] + [0] * 29), seed=7)[0]
    liked = {one.route for one in world.ranking(query, count=8).candidates}
    lifted = next(name for name in world.exemplars.routes if name not in liked)
    best = world.ranking(query, count=3, boosts={lifted: 100.0}).candidates[0]
    assert best.route == lifted
    unknown = world.ranking(query, count=3, boosts={"nowhere": 100.0})
    assert unknown == world.ranking(query, count=3)


def test_a_candidates_nearest_exemplars_are_its_own_nearest_first() -> None:
    for query in QUERIES:
        for candidate in ranking(WORLD, query).candidates:
            texts = [exemplar.text for exemplar in candidate.nearest]
            cosines = {
                text: float(vector @ query[: WORLD.dimension])
                for text, vector in zip(WORLD.exemplars.texts, WORLD.vectors, strict=True)
                if text.startswith(candidate.route)
            }
            assert texts == sorted(cosines, key=lambda text: -cosines[text])[:3]
            assert candidate.similarity == candidate.nearest[0].similarity


def test_the_best_ones_confidence_is_what_calibration_makes_of_the_evidence() -> None:
    for query in QUERIES:
        first, second = slow_candidates(WORLD, query, list(range(len(SIZES))))[:2]
        cosines = np.sort(WORLD.vectors @ query[: WORLD.dimension])[::-1]
        route_id = WORLD.exemplars.routes.index(first.route)
        logit = WORLD.scoring.head.logits(query[np.newaxis])[0][0, route_id]
        evidence = Evidence(
            route=np.array([route_id], dtype=np.int32),
            lead=np.array([min(first.score - second.score, 10)], dtype=np.float32),
            closeness=np.array([first.score - logit], dtype=np.float32) / SIMILARITY_WEIGHT,
            logit=np.array([logit], dtype=np.float32),
            surroundings=cosines[:5].mean(keepdims=True),
        )
        found = ranking(WORLD, query)
        calibration = WORLD.scoring.calibration
        assert found.candidates[0].confidence == pytest.approx(
            calibration.confidence(evidence)[0], abs=1e-4
        )
        assert found.scope_probability == pytest.approx(
            calibration.scope_probability(evidence)[0], abs=1e-4
        )
        assert found.calibrated


@pytest.mark.parametrize(("count", "given_"), [(1, 2), (2, 2), (3, 3), (6, 6), (32, 6)])
def test_as_many_candidates_as_asked_but_at_least_two_which_the_margin_takes(
    count: int, given_: int
) -> None:
    everything = ranking(WORLD, QUERIES[0]).candidates
    assert ranking(WORLD, QUERIES[0], count=count).candidates == everything[:given_]


def test_no_routes_to_compare_are_no_candidates() -> None:
    assert ranking(WORLD, QUERIES[0], routes=[]) == Ranking((), 0.0, calibrated=False)


COEFFICIENTS = st.floats(-30, 30)


@settings(deadline=None)
@given(
    right=st.tuples(COEFFICIENTS, COEFFICIENTS, COEFFICIENTS),
    scope=st.tuples(COEFFICIENTS, COEFFICIENTS, COEFFICIENTS),
    final=st.tuples(COEFFICIENTS, COEFFICIENTS),
    query=st.sampled_from(list(QUERIES)),
)
def test_whatever_the_calibration_confidences_fall_and_sum_to_1_at_most(
    right: tuple[float, ...], scope: tuple[float, ...], final: tuple[float, ...], query: Floats
) -> None:
    calibration = Calibration(CalibrationMethod.CROSS_FITTED, right, scope, final)
    world = dataclasses.replace(
        WORLD, scoring=dataclasses.replace(WORLD.scoring, calibration=calibration)
    )
    shares = [candidate.confidence for candidate in ranking(world, query).candidates]
    assert shares == sorted(shares, reverse=True)
    assert min(shares) >= 0
    assert sum(shares) <= 1 + 1e-9


def test_thresholds_written_by_hand_are_obeyed_and_the_others_stay_as_they_were() -> None:
    by_hand = {"r001": 0.987, "r003": -1.0}
    thresholds = fitted(CLOUDS, SIZES, by_hand=by_hand).scoring.thresholds
    assert thresholds == {**WORLD.scoring.thresholds, **by_hand}
    assert list(thresholds) == list(WORLD.exemplars.routes)


def test_nearly_all_rightly_routed_queries_reach_their_routes_automatic_threshold() -> None:
    clouds = Clouds(6, spread=0.9)
    world = fitted(clouds, [30] * 6)
    labels = labels_of([100] * 6)
    best = [ranking(world, query).candidates[0] for query in clouds.draw(labels, seed=77)]
    right = [c for c, label in zip(best, labels, strict=True) if c.route == f"r{label:03}"]
    reached = sum(candidate.reaches_threshold for candidate in right) / len(right)
    assert 0.95 <= reached < 1


def test_a_route_of_many_exemplars_has_a_threshold_of_its_own_and_a_thin_one_the_common_one() -> (
    None
):
    loose, tight = Clouds(2, spread=1.5), Clouds(2, spread=0.2)
    labels = labels_of([60, 60])
    inputs = np.where(
        (labels == 0)[:, np.newaxis], loose.draw(labels, seed=1), tight.draw(labels, seed=1)
    )
    inputs = np.concatenate([inputs, Clouds(9).draw(np.full(1, 8, np.int32), seed=1)])
    sizes = [60, 60, 1]
    thresholds = fit_scoring(
        inputs, inputs[:0], table_of(sizes), dimension=loose.dimension, by_hand={}
    )[0].thresholds
    result = hold_out(inputs, labels_of(sizes), 3, dimension=loose.dimension)
    assert result is not None
    common = np.quantile(result.similarity[result.right], 0.02)
    assert thresholds["r002"] == pytest.approx(common, abs=1e-4)
    assert thresholds["r000"] < thresholds["r001"] - 0.2


def test_where_nothing_can_be_held_out_defaults_stand_in_and_say_so() -> None:
    scoring = fitted(Clouds(4), [1, 1, 1, 1]).scoring
    assert scoring.calibration == UNCALIBRATED
    assert set(scoring.thresholds.values()) == {DEFAULT_THRESHOLD}


def test_identical_exemplars_in_two_routes_share_the_query_between_the_two() -> None:
    labels = labels_of([5, 5, 5])
    inputs = Clouds(3).draw(labels, seed=1)
    inputs[5:10] = inputs[:5]
    exemplars = table_of([5, 5, 5])
    scoring = fit_scoring(inputs, inputs[:0], exemplars, dimension=24, by_hand={})[0]
    world = Fitted(scoring, exemplars, inputs, 24)
    first, second, third = ranking(world, inputs[0]).candidates
    assert {first.route, second.route} == {"r000", "r001"}
    assert first.similarity == second.similarity == pytest.approx(1, abs=1e-6)
    assert first.score == pytest.approx(second.score, abs=1e-2)
    assert third.score < first.score - 1
    assert first.confidence <= 0.6


def test_the_same_exemplars_give_the_same_scoring_to_the_bit() -> None:
    again = fitted(CLOUDS, SIZES).scoring
    np.testing.assert_array_equal(again.head.map.weights, WORLD.scoring.head.map.weights)
    assert again.calibration == WORLD.scoring.calibration
    assert again.thresholds == WORLD.scoring.thresholds


@pytest.mark.parametrize("routes", [None, [1, 4, 5]], ids=str)
def test_a_boost_sways_where_the_best_two_would_be_others_without_it(
    routes: list[int] | None,
) -> None:
    counts = {True: 0, False: 0}
    for query in QUERIES:
        plain = [c.route for c in ranking(WORLD, query, routes=routes).candidates]
        for name in plain:
            for boost in (-6.0, 0.1, 6.0):
                boosts = {name: boost}
                found = WORLD.ranking(query, routes=routes, count=32, boosts=boosts)
                boosted = [c.route for c in found.candidates]
                sways = name in (*plain[:2], *boosted[:2])
                assert found.swayed == ({name} if sways else set())
                counts[sways] += 1
        assert ranking(WORLD, query, routes=routes).swayed == set()
    assert min(counts.values()) > 0


def test_the_rows_of_those_who_vote_are_those_of_the_nearest_exemplars() -> None:
    for query in QUERIES:
        best, *others = WORLD.ranking(query, count=32, voters=4).candidates
        own = [row for row, i in enumerate(WORLD.exemplars.route_ids)
               if WORLD.exemplars.routes[i] == best.route]  # fmt: skip
        cosines = {row: float(WORLD.vectors[row] @ query[: WORLD.dimension]) for row in own}
        expected = sorted(own, key=lambda row: -cosines[row])[:4]
        assert [row for row, _ in best.near] == expected
        assert [cosine for _, cosine in best.near] == pytest.approx([cosines[r] for r in expected])
        assert {one.near for one in others} == {()}
    assert {one.near for one in ranking(WORLD, QUERIES[0]).candidates} == {()}
