"""Plans of queries that ask several routes, against what the same router says of their parts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ExactIndex, HashEncoder
from waypost_server.core.bundle import RouteSet, build_bundle
from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.planner import Planner
from waypost_server.core.plans import Plans
from waypost_server.core.ports import Encodings, Neighbours
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.core.shortlist import Shortlist
from waypost_server.core.switches import Off

THINGS = {
    "billing": ("invoice", "refund", "payment", "transfer"),
    "cooking": ("soup", "chicken", "cake", "salad"),
    "travel": ("flight", "train", "hotel", "visa"),
}
WORDINGS = ("tell me about the {}", "i need a {}", "find me the next {}", "show me my {}")
EXEMPLARS = {
    route: tuple(wording.format(thing) for thing in things for wording in WORDINGS)
    for route, things in THINGS.items()
}
DEFAULT = "general"
ENCODER = HashEncoder()

TWO = "tell me about the refund and find me the next train"
THREE = "show me my refund. i need a soup, then find me the next train"


def router_of(**sections: Route) -> Router:
    routes = {name: Route(name=name) for name in (*EXEMPLARS, DEFAULT)} | sections
    catalog = Catalog(
        taxonomy=Taxonomy(default_route=DEFAULT),
        routes=routes,
        models={"off": Model(name="off", provider="openai", model_id="off", enabled=False)},
    )
    bundle = build_bundle(
        RouteSet(
            catalog=catalog, exemplars=EXEMPLARS, negatives={}, out_of_scope=(), sha256="0" * 64
        ),
        ENCODER,
        known={},
        progress=lambda done, total: None,
    )
    index = ExactIndex(bundle.encodings[:, : bundle.dimension])
    return Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)


@pytest.fixture(scope="module")
def router() -> Router:
    return router_of()


def whole_of(router: Router, query: Query) -> Decision:
    encoding = ENCODER.encode([query.text])[0]
    return router.decide(encoding, router.search(encoding), query)


def encode(texts: Sequence[str]) -> Sequence[Encodings]:
    return list(ENCODER.encode(texts))


def plan(router: Router, query: Query, plans: Plans | None = None) -> Decision:
    """The decision about a query that has parts."""
    planner = Planner(plans or Plans())
    parts = planner.parts(query)
    assert parts, "the query has no parts"
    return planner.decide(query, parts, whole_of(router, query), router, encode)


def steps(decision: Decision) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(step.route.name, step.text, step.depends_on) for step in decision.plan]


def test_a_query_that_asks_two_routes_becomes_a_plan(router: Router) -> None:
    query = Query(text=TWO)
    decision = plan(router, query)
    assert steps(decision) == [
        ("billing", "tell me about the refund", ()),
        ("travel", "find me the next train", ()),
    ]
    assert decision.outcome is Outcome.MATCHED
    assert decision.action is Action.RUN_PLAN
    assert decision.reasons == (Reason.MULTIPLE_ROUTES,)
    assert decision.route.name == "billing"
    assert decision.fallback_route == DEFAULT
    assert decision.rationale == (
        "Asks 2 things, each surely of another route: billing, then travel."
    )
    assert decision.candidates == whole_of(router, query).candidates
    for step in decision.plan:
        alone = whole_of(router, Query(text=step.text))
        assert step.confidence == alone.candidates[0].confidence


def test_steps_stand_in_order_and_wait_for_those_that_they_follow(router: Router) -> None:
    assert steps(plan(router, Query(text=THREE))) == [
        ("billing", "show me my refund", ()),
        ("cooking", "i need a soup", ()),
        ("travel", "find me the next train", (0, 1)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "tell me about the refund and show me my invoice",  # one route
        "tell me about the refund, blue sky",  # a part of no route
        "tell me about the refund and the train",  # one of them is no request
    ],
)
def test_a_query_that_asks_one_thing_stays_whole(router: Router, text: str) -> None:
    query = Query(text=text)
    assert plan(router, query) == whole_of(router, query)


def test_a_part_of_no_route_of_its_own_belongs_to_its_neighbour(router: Router) -> None:
    decision = plan(router, Query(text="show me my refund. to mum. find me the next train"))
    assert [step.route.name for step in decision.plan] == ["billing", "travel"]
    assert " ".join(step.text for step in decision.plan).count("to mum") == 1


def test_neighbours_of_one_route_are_one_step(router: Router) -> None:
    text = "tell me about the refund. show me my invoice. find me the next train"
    assert steps(plan(router, Query(text=text))) == [
        ("billing", "tell me about the refund. show me my invoice", ()),
        ("travel", "find me the next train", ()),
    ]


def test_a_plan_has_no_more_steps_than_it_may(router: Router) -> None:
    query = Query(text=THREE)
    assert len(plan(router, query, Plans(max_steps=3)).plan) == 3
    assert len(plan(router, query, Plans(max_steps=2)).plan) in (0, 2)


def test_each_step_is_as_near_to_an_exemplar_as_it_must_be(router: Router) -> None:
    query = Query(text="tell me about the refund and please find me the next train")
    assert plan(router, query, Plans(min_similarity=0.5)).plan
    assert plan(router, query, Plans(min_similarity=0.99)) == whole_of(router, query)


def test_a_threshold_that_was_written_by_hand_holds_for_steps() -> None:
    strict = router_of(travel=Route(name="travel", threshold=0.99))
    query = Query(text="tell me about the refund and please find me the next train")
    assert plan(router_of(), query).plan
    assert plan(strict, query) == whole_of(strict, query)


@pytest.mark.parametrize(
    "query",
    [
        Query(text=TWO, allowed_routes=frozenset(("billing", "cooking"))),
        Query(text=TWO, off=Off(routes=frozenset(("travel",)))),
        Query(text=TWO, clues=Clues(forbidden=frozenset(("billing",)))),
    ],
    ids=["not allowed", "switched off", "forbidden"],
)
def test_a_route_that_may_not_be_chosen_takes_no_step(router: Router, query: Query) -> None:
    assert plan(router, query) == whole_of(router, query)


def test_routes_that_may_be_chosen_take_steps_though_others_may_not(router: Router) -> None:
    query = Query(
        text=TWO,
        allowed_routes=frozenset(("billing", "travel")),
        off=Off(routes=frozenset(("cooking",))),
    )
    assert [step.route.name for step in plan(router, query).plan] == ["billing", "travel"]


def test_a_query_that_was_rejected_is_taken_whole() -> None:
    assert Planner(Plans()).parts(Query(text=TWO))
    assert not Planner(Plans()).parts(Query(text=TWO, rejected_routes=("billing",)))


def test_candidates_are_those_of_the_whole_and_as_many_as_are_wanted(router: Router) -> None:
    for count in (1, 3):
        query = Query(text=TWO, max_candidates=count, explain=True)
        decision = plan(router, query)
        assert decision.plan
        assert decision.candidates == whole_of(router, query).candidates


def test_what_was_found_before_stays_and_a_boost_moves_no_step(router: Router) -> None:
    clues = Clues(boosts={"cooking": 50.0}, reasons=(Reason.STICKY, Reason.GUARD_FLAGGED))
    decision = plan(router, Query(text=TWO, clues=clues))
    assert [step.route.name for step in decision.plan] == ["billing", "travel"]
    assert decision.reasons == (
        Reason.MULTIPLE_ROUTES,
        Reason.STICKY,
        Reason.GUARD_FLAGGED,
    )


def test_a_step_without_a_model_that_may_be_called_is_said() -> None:
    mute = Route(name="travel", specialist=Specialist(models=("off",)))
    decision = plan(router_of(travel=mute), Query(text=TWO))
    assert decision.reasons == (Reason.MULTIPLE_ROUTES, Reason.NO_ELIGIBLE_MODEL)


def test_longer_stretches_are_encoded_only_where_a_plan_may_come_of_it(router: Router) -> None:
    asked: list[list[str]] = []

    def noting(texts: Sequence[str]) -> Sequence[Encodings]:
        asked.append(list(texts))
        return encode(texts)

    planner = Planner(Plans())
    for text, runs in (
        ("tell me about the refund. blue sky. green sea", 1),
        (THREE, 2),
    ):
        asked.clear()
        query = Query(text=text)
        planner.decide(query, planner.parts(query), whole_of(router, query), router, noting)
        assert len(asked) == runs
        assert text not in [each for run in asked for each in run]


def test_a_query_without_candidates_stays_whole(router: Router) -> None:
    query = Query(text=TWO)
    nobody = replace(whole_of(router, query), candidates=())
    planner = Planner(Plans())
    assert planner.decide(query, planner.parts(query), nobody, router, encode) is nobody


class Counting(Router):
    """Counts what it decides; without a glance it knows nothing of parts before that."""

    glances = True
    decided = 0

    def nearest(self, encodings: Sequence[Encodings]) -> Sequence[float] | None:
        return super().nearest(encodings) if self.glances else None

    def decide(
        self,
        encoding: Encodings,
        neighbours: Neighbours,
        query: Query,
        *,
        shortlist: Shortlist | None = None,
    ) -> Decision:
        self.decided += 1
        return super().decide(encoding, neighbours, query, shortlist=shortlist)


def counting(router: Router, *, glances: bool) -> Counting:
    made = Counting(router.catalog, router.exemplars, router.index, router.scoring)
    made.glances = glances
    return made


WORDS = ("tell me about the", "show me my", "i need a", "quite another thing", "who knows what")


@given(
    begins=st.lists(st.sampled_from(WORDS), min_size=2, max_size=4),
    ends=st.lists(
        st.sampled_from(["refund", "next train", "soup", "moon and stars"]), min_size=4, max_size=4
    ),
    between=st.sampled_from([" and ", ", then ", ". "]),
    least=st.sampled_from([0.0, 0.45, 0.8, 0.99, 1.0]),
)
def test_a_glance_at_the_parts_changes_no_plan(
    router: Router, begins: list[str], ends: list[str], between: str, least: float
) -> None:
    query = Query(text=between.join(f"{a} {b}" for a, b in zip(begins, ends, strict=False)))
    planner = Planner(Plans(min_similarity=least))
    parts, whole = planner.parts(query), whole_of(router, query)
    if parts:
        found = [
            planner.decide(query, parts, whole, counting(router, glances=glances), encode)
            for glances in (True, False)
        ]
        assert found[0] == found[1]


def test_where_no_two_parts_are_near_anything_nothing_is_decided_about_them(
    router: Router,
) -> None:
    query = Query(text="quite another thing and who knows what, then tell me about the refund")
    planner, counted = Planner(Plans(min_similarity=0.9)), counting(router, glances=True)
    parts = planner.parts(query)
    assert len(parts) > 2
    whole = whole_of(router, query)
    assert planner.decide(query, parts, whole, counted, encode) is whole
    assert counted.decided == 0
