"""Groups of nested routes, against an oracle in plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.nested import NAMES, ROUTES, oracle_beams
from waypost_server.core.hierarchy import Hierarchy, Tree, groups_among, groups_of, tree_of


def test_the_groups_are_the_folders_that_hold_routes() -> None:
    assert groups_among(NAMES) == {
        "code", "code/data", "code/web", "help", "news-ops", "ops", "sales",
    }  # fmt: skip
    assert groups_of("code/web/css", groups_among(NAMES)) == ("code", "code/web")
    assert groups_of("ops", groups_among(NAMES)) == ("ops",)
    assert groups_of("alone", groups_among(NAMES)) == ()


def test_there_is_no_tree_without_groups_or_without_being_asked_for() -> None:
    assert tree_of(("a", "b"), Hierarchy(beams=3)) is None
    assert tree_of(NAMES, None) is None
    assert tree_of((), Hierarchy(beams=3)) is None
    assert tree_of(NAMES, Hierarchy(beams=3)) is not None


logit_lists = st.lists(
    st.floats(-20, 20, width=32), min_size=ROUTES, max_size=ROUTES, unique_by=lambda x: round(x, 2)
)


@given(logit_lists, st.integers(1, 8))
def test_beams_are_those_of_plain_loops(logits: list[float], beams: int) -> None:
    found = Tree(NAMES, beams).beams(np.array(logits, np.float32), None, {})
    expected = oracle_beams(dict(zip(NAMES, logits, strict=True)), beams)
    assert {name for i, name in enumerate(NAMES) if not found.drop(i)} == expected
    best = max(expected, key=lambda name: logits[NAMES.index(name)])
    assert NAMES[found.best] == best


@given(logit_lists, st.integers(1, 4), st.data())
def test_beams_of_some_routes_are_as_if_there_were_no_others(
    logits: list[float], beams: int, data: st.DataObject
) -> None:
    some = sorted(data.draw(st.sets(st.integers(0, ROUTES - 1), min_size=1)))
    boosted = data.draw(st.dictionaries(st.integers(0, ROUTES - 1), st.floats(-9, 9), max_size=4))
    found = Tree(NAMES, beams).beams(
        np.array(logits, np.float32)[some], np.array(some, np.int32), boosted
    )
    lifted = {NAMES[i]: logits[i] + boosted.get(i, 0.0) for i in some}
    expected = oracle_beams(lifted, beams)
    assert {NAMES[i] for i in some if not found.drop(i)} == expected


def test_with_as_many_beams_as_groups_no_route_is_dropped() -> None:
    logits = np.random.default_rng(1).standard_normal(ROUTES).astype(np.float32)
    assert Tree(NAMES, 5).beams(logits, None, {}).stay.all()


def test_a_group_of_many_fair_routes_beats_one_good_route() -> None:
    names = ("a/1", "b/1", "b/2", "b/3")
    logits = np.array([1.0, 0.5, 0.5, 0.5], np.float32)
    beams = Tree(names, 1).beams(logits, None, {})
    assert [beams.drop(i) for i in range(4)] == [True, False, False, False]


def test_the_probability_of_a_group_is_the_sum_of_its_routes() -> None:
    tree = Tree(NAMES, 3)
    said = {"ops": 0.2, "ops/scale": 0.1, "code/web/css": 0.4, "code/review": 0.05, "alone": 0.25}
    found = tree.probabilities((NAMES.index(name), p) for name, p in said.items())
    assert found == {
        "ops": pytest.approx(0.3),
        "code": pytest.approx(0.45),
        "code/web": pytest.approx(0.4),
    }
