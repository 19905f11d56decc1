import dataclasses

import numpy as np
import pytest

from tests.fakes import ExactIndex
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from waypost_server.core.arrays import take
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.evidence import SIMILARITY_WEIGHT, gather_evidence
from waypost_server.core.ranking import rank_routes
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import Labels, LinearMap
from waypost_server.core.tuning import WEIGHTS, SeenQueries, see_queries, tune

SIZES = [3, 8, 5, 2, 6]
CLOUDS = Clouds(len(SIZES), spread=1.0)
WORLD = fitted(CLOUDS, SIZES)
STRANGERS = 60


def labelled(per_route: int, strangers: int, *, seed: int) -> tuple[np.ndarray, Labels]:
    inside = labels_of([per_route] * len(SIZES))
    encodings = np.vstack(
        [CLOUDS.draw(inside, seed=seed), CLOUDS.strangers(strangers, seed=seed + 1000)]
    )
    return encodings, np.concatenate([inside, np.full(strangers, -1, dtype=np.int32)])


def seen_by(world: Fitted, per_route: int, strangers: int, *, seed: int = 3) -> SeenQueries:
    encodings, labels = labelled(per_route, strangers, seed=seed)
    return see_queries(
        encodings, labels, scoring=world.scoring, exemplars=world.exemplars, vectors=world.vectors
    )


def brier(scoring: Scoring, seen: SeenQueries) -> float:
    evidence = gather_evidence(seen.scores.weighted(scoring.similarity_weight), seen.outside)
    confidence = scoring.calibration.confidence(evidence)
    return float(np.square(confidence - (evidence.route == seen.labels)).mean())


def tuned(world: Fitted, seen: SeenQueries, **by_hand: float) -> Scoring:
    return tune(world.scoring, seen, world.exemplars, by_hand=by_hand)


def test_a_query_is_seen_as_the_router_sees_it() -> None:
    encodings, labels = labelled(4, 5, seed=8)
    seen = see_queries(
        encodings, labels, scoring=WORLD.scoring, exemplars=WORLD.exemplars, vectors=WORLD.vectors
    )
    evidence = gather_evidence(seen.scores, seen.outside)
    confidence = WORLD.scoring.calibration.confidence(evidence)
    for i, encoding in enumerate(encodings):
        ranking = rank_routes(
            encoding,
            range(len(SIZES)),
            scoring=WORLD.scoring,
            exemplars=WORLD.exemplars,
            index=ExactIndex(WORLD.vectors),
            allowed=(),
            count=2,
        )
        best = ranking.candidates[0]
        assert best.route == WORLD.exemplars.routes[evidence.route[i]]
        assert best.confidence == pytest.approx(confidence[i], abs=1e-4)


def test_labelled_strangers_teach_what_strangers_look_like() -> None:
    scoring = tuned(WORLD, seen_by(WORLD, 40, STRANGERS))
    assert scoring.calibration.method is CalibrationMethod.HELD_OUT
    unseen = seen_by(WORLD, 40, STRANGERS, seed=4)
    assert brier(scoring, unseen) < brier(WORLD.scoring, unseen)
    evidence = gather_evidence(unseen.scores, unseen.outside)
    stranger = unseen.labels < 0

    def told_apart(of: Scoring) -> float:
        belongs = of.calibration.scope_probability(evidence) >= 0.5
        return float(((~belongs)[stranger].mean() + belongs[~stranger].mean()) / 2)

    assert told_apart(scoring) > told_apart(WORLD.scoring)


def test_without_strangers_scope_stays_as_it_was() -> None:
    scoring = tuned(WORLD, seen_by(WORLD, 40, 0))
    assert scoring.calibration.scope == WORLD.scoring.calibration.scope
    assert scoring.calibration.right != WORLD.scoring.calibration.right


def test_where_the_head_knows_nothing_similarity_gets_more_weight() -> None:
    random = np.random.default_rng(1)
    head = WORLD.scoring.head
    noise = random.standard_normal(head.map.weights.shape).astype(np.float32) * 4
    lost = dataclasses.replace(head, map=LinearMap(noise, head.map.bias))
    world = dataclasses.replace(WORLD, scoring=dataclasses.replace(WORLD.scoring, head=lost))
    scoring = tuned(world, seen_by(world, 40, 0))
    assert scoring.similarity_weight == max(WEIGHTS)


def test_a_weight_that_is_better_by_luck_alone_is_not_taken() -> None:
    easy = fitted(Clouds(len(SIZES), spread=0.1), SIZES)
    seen = seen_by(easy, 40, 0)  # of other clouds: nothing that a weight could mend
    assert tuned(easy, seen).similarity_weight == SIMILARITY_WEIGHT


def test_thresholds_move_towards_what_queries_reach_but_not_those_by_hand() -> None:
    by_hand = {WORLD.exemplars.routes[1]: 0.123}
    seen = seen_by(WORLD, 60, 0)
    scoring = tuned(WORLD, seen, **by_hand)
    assert scoring.thresholds[WORLD.exemplars.routes[1]] == 0.123
    right = gather_evidence(seen.scores, seen.outside).route == seen.labels
    for i in (0, 2, 3, 4):
        route = WORLD.exemplars.routes[i]
        own = seen.scores.similarity[right & (seen.labels == i), i]
        before, reached = WORLD.scoring.thresholds[route], float(np.quantile(own, 0.02))
        share = len(own) / (len(own) + 20)
        expected = share * reached + (1 - share) * before
        assert scoring.thresholds[route] == pytest.approx(expected, abs=1e-4)


def test_the_order_of_the_queries_does_not_matter() -> None:
    seen = seen_by(WORLD, 20, 20)
    turned = take(seen, np.arange(len(seen.labels))[::-1])
    one, other = tuned(WORLD, seen), tuned(WORLD, turned)
    assert one.thresholds == other.thresholds
    assert one.calibration.final == pytest.approx(other.calibration.final, rel=1e-4)
