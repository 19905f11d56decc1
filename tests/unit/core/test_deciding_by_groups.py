"""What becomes of queries where nested routes are decided from the group down."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import ExactIndex, HashEncoder
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from tests.unit.core.nested import (
    CLOUDS,
    NAMES,
    ROUTES,
    oracle_beams,
    oracle_groups,
)
from waypost_server.core.calibration import UNCALIBRATED
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.evidence import SHORTLIST, score_routes
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.head import Head
from waypost_server.core.hierarchy import Hierarchy, Tree, groups_among, groups_of
from waypost_server.core.query import Query
from waypost_server.core.ranking import Ranker, Ranking
from waypost_server.core.router import MANY_ROUTES, Router
from waypost_server.core.scoring import Scoring
from waypost_server.core.shortlist import ask_head
from waypost_server.core.softmax import Floats, LinearMap
from waypost_server.core.switches import Off


@pytest.fixture(scope="module")
def world() -> Fitted:
    flat = fitted(CLOUDS, [6] * ROUTES)
    return renamed(flat)


def renamed(flat: Fitted) -> Fitted:
    """The world with routes called `NAMES`, in their order."""
    table = ExemplarTable.of(
        ((NAMES[i], f"{NAMES[i]} {j}") for i in range(ROUTES) for j in range(6)),
        negative_counts={},
    )
    assert table.routes == NAMES
    old = dict(zip(flat.exemplars.routes, NAMES, strict=True))
    thresholds = {old[name]: value for name, value in flat.scoring.thresholds.items()}
    return replace(flat, exemplars=table, scoring=replace(flat.scoring, thresholds=thresholds))


def router_of(
    world: Fitted, hierarchy: Hierarchy | None, *, min_confidence: float = 0.75
) -> Router:
    routes = {name: Route(name=name) for name in (*NAMES, "elsewhere")}
    taxonomy = Taxonomy(
        default_route="elsewhere", hierarchy=hierarchy, min_confidence=min_confidence
    )
    catalog = Catalog(taxonomy=taxonomy, routes=routes)
    return Router(catalog, world.exemplars, ExactIndex(world.vectors), world.scoring)


def queries(count: int, *, seed: int) -> Floats:
    return CLOUDS.draw(labels_of([count] * ROUTES), seed=seed)


def scores_of(world: Fitted, encoding: Floats, boosts: Mapping[str, float]) -> dict[str, float]:
    logits = world.scoring.head.logits(encoding[np.newaxis])[0]
    cosines = (world.vectors @ encoding[: world.dimension])[np.newaxis]
    scores = score_routes(logits, cosines, world.exemplars.sizes).score[0]
    return {name: float(s) + boosts.get(name, 0.0) for name, s in zip(NAMES, scores, strict=True)}


def test_with_three_beams_the_best_route_is_that_of_a_flat_list_but_for_a_few(
    world: Fitted,
) -> None:
    flat, tree = router_of(world, None), router_of(world, Hierarchy(beams=3))
    labels = labels_of([8] * ROUTES)
    right, same = {"flat": 0, "tree": 0}, 0
    for label, encoding in zip(labels, queries(8, seed=3), strict=True):
        one, other = (
            router.decide(encoding, router.search(encoding), Query(text="x")).candidates[0]
            for router in (flat, tree)
        )
        right["flat"] += one.route == NAMES[label]
        right["tree"] += other.route == NAMES[label]
        same += one == other
    assert same >= 0.97 * len(labels)
    assert right["tree"] >= right["flat"] - 0.005 * len(labels)
    assert 0.6 < right["flat"] / len(labels) < 0.97


names = st.sampled_from(NAMES)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 50),
    beams=st.integers(1, 4),
    boosts=st.dictionaries(names, st.floats(-15, 15), max_size=3),
    allowed=st.frozensets(names, max_size=6),
    rejected=st.lists(names, max_size=2, unique=True),
    off=st.frozensets(names, max_size=3),
    forbidden=st.frozensets(names, max_size=3),
)
def test_candidates_are_those_of_plain_loops_whatever_a_query_rules_out(
    world: Fitted,
    seed: int,
    beams: int,
    boosts: dict[str, float],
    allowed: frozenset[str],
    rejected: list[str],
    off: frozenset[str],
    forbidden: frozenset[str],
) -> None:
    encoding = queries(1, seed=seed)[seed % ROUTES]
    query = Query(
        text="x",
        max_candidates=32,
        allowed_routes=allowed,
        rejected_routes=tuple(rejected),
        off=Off(routes=off),
        clues=Clues(boosts=boosts, forbidden=forbidden),
    )
    router = router_of(world, Hierarchy(beams=beams))
    found = [c.route for c in router.decide(encoding, router.search(encoding), query).candidates]
    scores = scores_of(world, encoding, boosts)
    logits = dict(
        zip(NAMES, world.scoring.head.logits(encoding[np.newaxis])[0][0].tolist(), strict=True)
    )
    kept = oracle_beams({name: logits[name] + boosts.get(name, 0.0) for name in NAMES}, beams)
    ruled_out = {*rejected, *off, *forbidden}
    choosable = [n for n in NAMES if n not in ruled_out and (not allowed or n in allowed)]
    # The best of all is a candidate though it was looked at alone; then all others by score.
    assert set(found) == set(choosable)
    expected = sorted(choosable, key=lambda name: (name not in kept, -scores[name]))
    assert found == expected


@pytest.mark.parametrize("off", [True, False])
def test_what_a_boost_or_a_beam_lifts_is_no_candidate_where_it_is_switched_off(
    world: Fitted, *, off: bool
) -> None:
    """Beyond the shortlist, where a switched-off route mostly makes no difference."""
    for hierarchy in (None, Hierarchy(beams=1)):
        router = router_of(world, hierarchy)
        for encoding in queries(1, seed=4):
            shortlist = router.shortlist(encoding)
            liked = {NAMES[route] for route, _ in shortlist.liked}
            assert len(liked) == SHORTLIST
            other = next(name for name in NAMES if name not in liked)
            query = Query(
                text="x",
                off=Off(routes=frozenset([other] if off else [])),
                clues=Clues(boosts={other: 40.0}),
            )
            decision = router.decide(encoding, router.search(encoding), query)
            assert (decision.candidates[0].route == other) is not off


def group_oracle(world: Fitted, encoding: Floats) -> dict[str, float]:
    """P(group) in plain loops, where the best route of a flat list is the best one."""
    flat = world.ranking(encoding, count=SHORTLIST)
    best, *others = flat.candidates
    total = math.fsum(math.exp(one.score - best.score) for one in others)
    left = (1 - best.confidence) * flat.scope_probability
    shares = {one.route: left * math.exp(one.score - best.score) / total for one in others}
    shares[best.route] = best.confidence
    return {
        group: math.fsum(share for name, share in shares.items() if name in routes)
        for group, routes in oracle_groups().items()
        if set(routes) & set(shares)
    }


def ranked(world: Fitted, encoding: Floats, *, beams: int, count: int = 3) -> Ranking:
    index, unit = ExactIndex(world.vectors), encoding[: world.dimension]
    return Ranker(world.scoring, world.exemplars, index, Tree(NAMES, beams)).rank(
        unit,
        ask_head(world.scoring.head, encoding),
        index.search(unit, 0),
        count=count,
        shown=3,
    )


@pytest.mark.parametrize("count", [2, SHORTLIST, ROUTES])
def test_confidence_is_that_of_a_flat_list_and_groups_share_what_it_leaves(
    world: Fitted, count: int
) -> None:
    for encoding in queries(2, seed=5):
        flat, nested = (
            world.ranking(encoding, count=count),
            ranked(world, encoding, beams=8, count=count),
        )
        assert nested.candidates == flat.candidates
        assert dict(nested.groups) == pytest.approx(group_oracle(world, encoding), abs=1e-9)
        for group in groups_of(flat.candidates[0].route, nested.groups):
            assert nested.groups[group] >= flat.candidates[0].confidence


def test_with_one_beam_the_best_route_has_its_rivals_outside_and_is_no_surer(
    world: Fitted,
) -> None:
    changed = 0
    for encoding in queries(8, seed=8):
        flat, nested = (world.ranking(encoding, count=3), ranked(world, encoding, beams=1))
        if nested.candidates[0].route == flat.candidates[0].route:
            assert nested.candidates[0].confidence == flat.candidates[0].confidence
        else:
            changed += 1
            assert nested.candidates[0].score < flat.candidates[0].score
            assert nested.candidates[0].confidence < 0.5
    assert changed


def test_a_query_that_is_surely_of_a_group_goes_to_the_groups_default_route(world: Fitted) -> None:
    defaults = {"ops": "ops", "code": "code/review", "code/web": "code/web/css"}
    router = router_of(world, Hierarchy(beams=3, default_routes=defaults), min_confidence=0.9)
    plain = router_of(world, None, min_confidence=0.9)
    gone: dict[str, int] = {}
    for encoding in queries(20, seed=6):
        query = Query(text="x", max_candidates=SHORTLIST)
        decision = router.decide(encoding, router.search(encoding), query)
        usual = plain.decide(encoding, plain.search(encoding), query)
        assert decision.outcome is usual.outcome
        assert decision.reasons == usual.reasons
        if decision.route == usual.route:
            continue
        assert usual.route.name == "elsewhere"
        best = decision.candidates[0]
        probabilities = group_oracle(world, encoding)
        sure = [
            group
            for group in groups_of(best.route, probabilities)
            if group in defaults and probabilities[group] >= 0.9
        ]
        assert decision.route.name == defaults[sure[-1]]
        assert f"the default route of group {sure[-1]} (" in decision.rationale
        gone[sure[-1]] = gone.get(sure[-1], 0) + 1
        # Where that one may not be chosen, it goes where it went.
        rejected = replace(query, rejected_routes=(decision.route.name,))
        again = router.decide(encoding, router.search(encoding), rejected)
        assert again.route != decision.route
    assert set(gone) == set(defaults)


def test_the_first_stage_decides_by_groups_too(world: Fitted) -> None:
    router = router_of(world, Hierarchy(beams=3))
    stage = FirstStage(HashEncoder(), router, Gate(0.9, 0.0))
    sure = [
        decision
        for encoding in queries(3, seed=7)
        if (decision := stage.decide(encoding, Query(text="x")))
    ]
    grouped = [one for one in sure if groups_of(one.route.name, groups_among(NAMES))]
    assert len(grouped) >= 5
    for decision in grouped:
        group = decision.route.name.partition("/")[0]
        assert f" best ({group} " in decision.rationale


def test_of_very_many_routes_groups_are_judged_by_the_routes_of_near_exemplars() -> None:
    count = MANY_ROUTES + 100
    names = tuple(f"g{i // 50:02}/r{i:04}" for i in range(count))
    clouds = Clouds(count, dimension=64, inner=0, spread=0.8)
    encodings = clouds.draw(labels_of([2] * count), seed=1)
    table = ExemplarTable.of(
        ((name, f"{name} {j}") for name in names for j in range(2)), negative_counts={}
    )
    means = encodings.reshape(count, 2, -1).mean(axis=1)
    head = Head(LinearMap(10 * means.T, np.zeros(count, np.float32)), count)
    scoring = Scoring(head, UNCALIBRATED, dict.fromkeys(names, 0.0))
    routes = {name: Route(name=name) for name in names}

    def router(hierarchy: Hierarchy | None) -> Router:
        taxonomy = Taxonomy(default_route=names[0], hierarchy=hierarchy)
        index = ExactIndex(encodings[:, : clouds.dimension])
        return Router(Catalog(taxonomy=taxonomy, routes=routes), table, index, scoring)

    flat, nested = router(None), router(Hierarchy(beams=3))
    labels = labels_of([1] * count)[::20]
    same = 0
    for encoding in clouds.draw(labels, seed=2):
        near = nested.search(encoding)
        usual, found = (one.decide(encoding, near, Query(text="x")) for one in (flat, nested))
        same += usual.candidates[0] == found.candidates[0]
        best = found.candidates[0].route
        off = Query(text="x", off=Off(routes=frozenset([best])))
        left = nested.decide(encoding, near, off)
        assert best not in {candidate.route for candidate in left.candidates}
        only = Query(text="x", allowed_routes=frozenset([names[-1]]))
        assert nested.decide(encoding, near, only).candidates[0].route == names[-1]
    assert same >= 0.95 * len(labels)
