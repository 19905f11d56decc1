"""Hints by the vote of marked exemplars, in a world whose truth is known."""

from collections.abc import Mapping

import numpy as np
import pytest

from tests.fakes import ExactIndex
from waypost_server.core.catalog import Catalog, Hints, ReasoningEffort, Route, Taxonomy
from waypost_server.core.decision import Decision
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.hint_votes import FEWEST_MARKS, Ballot, HintStage
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate

LOW, HIGH = ReasoningEffort.LOW, ReasoningEffort.HIGH
COUNT = 40


def world(marks: Mapping[str, Hints], own: Hints, *, apart: bool = True) -> HintStage:
    """Routes `a`, whose first half lies apart from its second if `apart`, and `b`."""
    random = np.random.default_rng(1)
    centres = np.eye(16, dtype=np.float32)[:2]
    places = [i // (COUNT // 2) if apart else 0 for i in range(COUNT)]
    noise = random.standard_normal((COUNT, 16)) / 10
    vectors = np.vstack([centres[places] + noise, random.standard_normal((2, 16))])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = ExemplarTable.of(
        [*(("a", f"a {i}") for i in range(COUNT)), ("b", "b 0"), ("b", "b 1")], negative_counts={}
    )
    routes = {"a": Route(name="a", hints=own, marks=marks), "b": Route(name="b")}
    catalog = Catalog(taxonomy=Taxonomy(default_route="b"), routes=routes)
    return HintStage(catalog, table, ExactIndex(vectors.astype(np.float32)))


def by_half(first: Hints, second: Hints, count: int = COUNT) -> dict[str, Hints]:
    step = COUNT // count
    return {f"a {i}": first if i < COUNT // 2 else second for i in range(0, COUNT, step)}


def decision(near: Mapping[int, float], *, route: str = "a", other: str = "b") -> Decision:
    """One that chose `route`, of candidates of which `a` has so near exemplars."""

    def candidate(name: str) -> Candidate:
        return Candidate(
            route=name, score=0, confidence=0, similarity=0, threshold=0, nearest=(),
            near=tuple(near.items()) if name == "a" else (),
        )  # fmt: skip

    return Decision(
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD,),
        route=Route(name=route, hints=OWN if route == "a" else Hints()),
        fallback_route="",
        rationale="",
        clarifying_question="",
        candidates=(candidate(route), candidate(other)),
    )


OWN = Hints(needs_retrieval=True, reasoning_effort=HIGH)
QUERY = Query(text="x")
FIRST, SECOND = {0: 0.9, 1: 0.8, 2: 0.7}, {30: 0.9, 31: 0.8, 32: 0.7}


def test_where_exemplars_show_it_a_querys_hints_are_those_of_its_neighbours() -> None:
    marks = by_half(Hints(reasoning_effort=LOW), Hints(reasoning_effort=HIGH))
    stage = world(marks, OWN)
    assert set(stage.ballots) == {"a"}
    assert stage(QUERY, decision(FIRST)).hints == Hints(needs_retrieval=True, reasoning_effort=LOW)
    assert stage(QUERY, decision(SECOND)).hints == OWN


def test_each_kind_of_hint_has_a_vote_of_its_own() -> None:
    marks = by_half(Hints(needs_retrieval=False, reasoning_effort=HIGH), OWN)
    found = world(marks, OWN)(QUERY, decision(FIRST)).hints
    assert found == Hints(needs_retrieval=False, reasoning_effort=HIGH)


def test_where_exemplars_do_not_show_it_the_routes_own_hints_stand() -> None:
    random = np.random.default_rng(3)
    lots = {
        f"a {i}": Hints(reasoning_effort=LOW if random.random() < 0.5 else HIGH)
        for i in range(COUNT)
    }
    mostly_own = {f"a {i}": OWN for i in range(COUNT)}
    few = by_half(Hints(reasoning_effort=LOW), OWN, FEWEST_MARKS // 2)
    for marks, apart in ((lots, False), (mostly_own, True), (few, True)):
        unchanged = decision(FIRST)
        assert world(marks, OWN, apart=apart)(QUERY, unchanged) is unchanged


def test_a_route_without_hints_of_its_own_gets_those_that_are_voted_for() -> None:
    marks = by_half(Hints(reasoning_effort=LOW), Hints(reasoning_effort=HIGH))
    stage = world(marks, Hints())
    assert stage.ballots["a"].keys() == {"reasoning_effort"}
    assert stage(QUERY, decision(FIRST)).hints == Hints(needs_retrieval=True, reasoning_effort=LOW)


@pytest.mark.parametrize(
    "unvoted",
    [
        decision(FIRST, route="b", other="a"),  # it went elsewhere
        decision({0: 0.9, 1: 0.8}),  # too few votes
        decision({}),  # a rule decided: nothing was compared
    ],
    ids=["elsewhere", "few", "none"],
)
def test_nobody_votes_about_a_query_that_nobody_is_near(unvoted: Decision) -> None:
    marks = by_half(Hints(reasoning_effort=LOW), Hints(reasoning_effort=HIGH))
    assert world(marks, OWN)(QUERY, unvoted) is unvoted


@pytest.mark.parametrize(
    ("near", "bar", "winner"),
    [
        ([(0, 0.5), (1, 0.5), (2, 0.9)], 0.5, LOW),  # 1.0 of 1.9
        ([(0, 0.5), (1, 0.5), (2, 0.9)], 0.6, None),
        ([(0, 0.4), (1, 0.4), (2, 0.9)], 0.0, HIGH),  # one that is nearer than two
        ([(0, 0.5), (1, 0.5), (7, 0.9)], 0.0, None),  # row 7 is not marked
        ([(0, -0.1), (1, -0.2), (2, -0.3)], 0.0, None),  # unlike all of them
    ],
)
def test_votes_weigh_as_much_as_they_are_similar(
    near: list[tuple[int, float]], bar: float, winner: ReasoningEffort | None
) -> None:
    assert Ballot({0: LOW, 1: LOW, 2: HIGH}, bar).winner(near) is winner
