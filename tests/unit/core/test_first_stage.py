import dataclasses

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.unit.core.clouds import Clouds, fitted, labels_of
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.arrays import take
from waypost_server.core.bundle import RouteSet, build_bundle
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.crossfit import HeldOut, hold_out
from waypost_server.core.first_stage import (
    ALLOWED_LOSS,
    CLOSENESS_SHARE,
    FEWEST,
    GATES,
    FirstStage,
    Gate,
    choose_gate,
)
from waypost_server.core.halves import halve
from waypost_server.core.outcome import Outcome
from waypost_server.core.query import Query
from waypost_server.core.router import Router

SIZES = [20] * 6


def held_out(spread: float, *, seed: int = 1) -> HeldOut:
    clouds = Clouds(len(SIZES), spread=spread)
    found = hold_out(
        clouds.draw(labels_of(SIZES), seed=seed),
        labels_of(SIZES),
        len(SIZES),
        dimension=clouds.dimension,
    )
    assert found is not None
    return found


PLAIN = fitted(Clouds(len(SIZES), spread=0.7), SIZES).scoring


def least_lead(first: HeldOut, gate: float) -> float:
    sure = PLAIN.calibration.confidence(first.evidence) >= gate
    return float(first.evidence.lead[sure].min()) - CLOSENESS_SHARE * PLAIN.similarity_weight


def router(*, by_hand: float | None = None) -> Router:
    world = fitted(Clouds(len(SIZES), spread=0.3), SIZES)
    routes = {name: Route(name=name, threshold=by_hand) for name in world.exemplars.routes}
    catalog = Catalog(
        taxonomy=Taxonomy(default_route="default"),
        routes=routes | {"default": Route(name="default")},
    )
    return Router(catalog, world.exemplars, FaissIndex.build(world.vectors), world.scoring)


QUERIES = Clouds(len(SIZES), spread=0.3).draw(labels_of([3] * 6), seed=9)
STRANGERS = Clouds(len(SIZES)).strangers(10, seed=9)


def test_a_first_stage_that_is_as_good_as_the_second_decides_from_the_lowest_gate_on() -> None:
    same = held_out(0.7)
    assert choose_gate(same, PLAIN, same) == Gate(GATES[0], least_lead(same, GATES[0]))
    few = take(same, slice(FEWEST - 1))
    assert choose_gate(few, PLAIN, few) is None  # that shows nothing


def test_one_that_is_surely_wrong_never_decides() -> None:
    good = held_out(0.3)
    wrong = dataclasses.replace(good, right=np.zeros_like(good.right))
    assert choose_gate(wrong, PLAIN, good) is None


def test_at_the_chosen_gate_both_are_right_as_often_as_the_second_and_below_it_not() -> None:
    first, second = held_out(1.2), held_out(0.7)
    confidence = PLAIN.calibration.confidence(first.evidence)

    def loss(gate: float) -> float:
        together = np.where(confidence >= gate, first.right, second.right)
        return float(second.right.mean() - together.mean())

    gate = choose_gate(first, PLAIN, second)
    assert gate is not None
    assert loss(gate.confidence) <= ALLOWED_LOSS
    assert all(loss(lower) > ALLOWED_LOSS for lower in GATES if lower < gate.confidence)


def test_what_it_is_sure_of_it_decides_as_its_router_does_and_leaves_the_rest() -> None:
    stage = FirstStage(HashEncoder(), router(), gate=Gate(0.9, -1.0))
    decided = 0
    for encoding in np.concatenate([QUERIES, STRANGERS]):
        query = Query(text="?")
        alone = stage.router.decide(encoding, stage.router.search(encoding), query)
        sure = alone.outcome is Outcome.MATCHED and alone.candidates[0].confidence >= 0.9
        assert stage.decide(encoding, query) == (alone if sure else None)
        decided += sure
    assert 5 < decided < len(QUERIES) + 1


def test_a_route_with_a_threshold_by_hand_is_left_to_the_transformer() -> None:
    stage = FirstStage(HashEncoder(), router(by_hand=-1.0), gate=Gate(0.0, -1.0))
    assert all(stage.decide(encoding, Query(text="?")) is None for encoding in QUERIES)


def test_a_query_whose_best_route_is_not_allowed_is_left_to_the_transformer() -> None:
    stage = FirstStage(HashEncoder(), router(), gate=Gate(0.0, -1.0))
    for encoding in QUERIES:
        best = stage.router.decide(encoding, stage.router.search(encoding), Query(text="?"))
        others = frozenset(stage.router.exemplars.routes) - {best.candidates[0].route}
        assert stage.decide(encoding, Query(text="?", allowed_routes=others)) is None


TEXTS = {
    name: [f"{a} {b} {c}" for a in first.split() for b in second.split() for c in "xyz"]
    for name, first, second in (
        ("fruit", "ripe sweet fresh juicy", "apple pear plum grape"),
        ("metal", "rusty heavy shiny thick", "bar wire pipe nail"),
    )
}


@pytest.mark.parametrize("exemplars", [TEXTS, {"fruit": ["one"], "metal": ["another"]}, {}])
def test_a_bundle_has_a_first_stage_only_where_something_could_be_held_out(
    exemplars: dict[str, list[str]],
) -> None:
    routes = RouteSet(
        catalog=Catalog(taxonomy=Taxonomy(), routes={name: Route(name=name) for name in exemplars}),
        exemplars=exemplars,
        negatives={},
        out_of_scope=(),
        sha256="0" * 64,
    )
    static = HashEncoder(name="static")
    bundle = build_bundle(
        routes, HashEncoder(), known={}, progress=lambda done, total: None, static=static
    )
    if exemplars is not TEXTS:
        assert bundle.first is None
        return
    assert bundle.first is not None
    assert bundle.first.encoder_name == "static"
    assert bundle.first.gate.confidence in GATES
    expected = halve(static.encode(bundle.exemplars.texts)).astype(np.float32)
    np.testing.assert_array_equal(bundle.first.encodings, expected)


def test_where_the_head_is_torn_nothing_else_is_looked_at() -> None:
    free = FirstStage(HashEncoder(), router(), gate=Gate(0.0, -1.0))
    for encoding in QUERIES:
        two = np.sort(free.router.scoring.head.logits(encoding[np.newaxis])[0][0])[-2:]
        lead = float(two[1] - two[0])
        strict = FirstStage(HashEncoder(), free.router, gate=Gate(0.0, lead + 0.01))
        loose = FirstStage(HashEncoder(), free.router, gate=Gate(0.0, lead - 0.01))
        assert strict.decide(encoding, Query(text="?")) is None
        assert loose.decide(encoding, Query(text="?")) == free.decide(encoding, Query(text="?"))
