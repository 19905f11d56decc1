from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.decision import Decision, decide
from waypost_server.core.hierarchy import Hierarchy
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, NearestExemplar, Ranking
from waypost_server.core.ranking_outcome import SCOPE_BAR
from waypost_server.core.switches import Off

DEFAULT = "general"


def candidate(
    route: str, confidence: float, *, similarity: float = 0.6, threshold: float = 0.3
) -> Candidate:
    return Candidate(
        route=route,
        score=confidence,
        confidence=confidence,
        similarity=similarity,
        threshold=threshold,
        nearest=(NearestExemplar(f"an exemplar of {route}", similarity),),
    )


def decided(
    candidates: Sequence[Candidate],
    *,
    scope: float = 0.9,
    calibrated: bool = True,
    margin: float = 0.0,
    min_confidence: float = 0.75,
    left_out: str = "",
    swayed: frozenset[str] = frozenset(),
    query: Query | None = None,
) -> Decision:
    catalog = Catalog(
        taxonomy=Taxonomy(default_route=DEFAULT, margin=margin, min_confidence=min_confidence),
        routes={
            "a": Route(name="a", fallback_route="b"),
            "b": Route(name="b", description="All about b."),
            DEFAULT: Route(name=DEFAULT),
        },
    )
    ranking = Ranking(tuple(candidates), scope, calibrated, left_out, swayed)
    return decide(ranking, catalog, query or Query(text="x"))


SURE, UNSURE = candidate("a", 0.9), candidate("a", 0.6)
FAR = candidate("a", 0.9, similarity=0.29)
CLOSE = (candidate("a", 0.46), candidate("b", 0.44))
BOTH_BELOW = (Reason.BELOW_MIN_CONFIDENCE, Reason.ABOVE_THRESHOLD)
WITHIN = (Reason.WITHIN_MARGIN, Reason.ABOVE_THRESHOLD)

TABLE = {
    "sure": (decided([SURE]), Outcome.MATCHED, (Reason.ABOVE_THRESHOLD,), "a"),
    "sure, of two": (
        decided([SURE, candidate("b", 0.1)]),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        "a",
    ),
    "at the threshold": (
        decided([candidate("a", 0.9, similarity=0.3)]),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        "a",
    ),
    "at the least confidence": (
        decided([candidate("a", 0.75)]),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        "a",
    ),
    "unsure": (decided([UNSURE]), Outcome.FALLBACK, BOTH_BELOW, DEFAULT),
    "too far": (decided([FAR]), Outcome.FALLBACK, (Reason.BELOW_THRESHOLD,), DEFAULT),
    "best too far, second near": (
        decided([FAR, candidate("b", 0.05, similarity=0.28, threshold=-1.0)]),
        Outcome.FALLBACK,
        (Reason.BELOW_THRESHOLD,),
        DEFAULT,
    ),
    "a stranger": (
        decided([SURE], scope=0.49),
        Outcome.OUT_OF_SCOPE,
        (Reason.NEAR_NO_ROUTE,),
        DEFAULT,
    ),
    "a stranger that is too far": (
        decided([FAR], scope=0.1),
        Outcome.OUT_OF_SCOPE,
        (Reason.NEAR_NO_ROUTE,),
        DEFAULT,
    ),
    "at the bar of scope": (
        decided([SURE], scope=SCOPE_BAR),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        "a",
    ),
    "nobody": (decided([], scope=0.0), Outcome.OUT_OF_SCOPE, (Reason.NO_CANDIDATE,), DEFAULT),
    "two too close": (decided(CLOSE, margin=0.05), Outcome.AMBIGUOUS, WITHIN, "a"),
    "two close, but not too close": (
        decided(CLOSE, margin=0.01),
        Outcome.FALLBACK,
        BOTH_BELOW,
        DEFAULT,
    ),
    "two close without a margin": (decided(CLOSE), Outcome.FALLBACK, BOTH_BELOW, DEFAULT),
    "two exactly alike without a margin": (
        decided([candidate("a", 0.45), candidate("b", 0.45)]),
        Outcome.FALLBACK,
        BOTH_BELOW,
        DEFAULT,
    ),
    "two too close, and it may well be neither": (
        decided([candidate("a", 0.36), candidate("b", 0.34)], margin=0.05),
        Outcome.FALLBACK,
        BOTH_BELOW,
        DEFAULT,
    ),
    "two too close, but the second is too far": (
        decided([CLOSE[0], candidate("b", 0.44, similarity=0.2)], margin=0.05),
        Outcome.FALLBACK,
        BOTH_BELOW,
        DEFAULT,
    ),
    "two too close, but the best is too far": (
        decided([candidate("a", 0.46, similarity=0.2), CLOSE[1]], margin=0.05),
        Outcome.FALLBACK,
        (Reason.BELOW_THRESHOLD,),
        DEFAULT,
    ),
    "two too close in no scope": (
        decided(CLOSE, margin=0.05, scope=0.2),
        Outcome.OUT_OF_SCOPE,
        (Reason.NEAR_NO_ROUTE,),
        DEFAULT,
    ),
    "uncalibrated": (
        decided([candidate("a", 0.01)], calibrated=False),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        "a",
    ),
    "two too close, uncalibrated": (
        decided([candidate("a", 0.11), candidate("b", 0.10)], calibrated=False, margin=0.05),
        Outcome.AMBIGUOUS,
        WITHIN,
        "a",
    ),
    "the default route itself": (
        decided([candidate(DEFAULT, 0.9)]),
        Outcome.MATCHED,
        (Reason.ABOVE_THRESHOLD,),
        DEFAULT,
    ),
}


@pytest.mark.parametrize(("decision", "outcome", "reasons", "route"), TABLE.values(), ids=TABLE)
def test_what_is_decided(
    decision: Decision, outcome: Outcome, reasons: tuple[Reason, ...], route: str
) -> None:
    assert (decision.outcome, decision.reasons) == (outcome, reasons)
    assert decision.route.name == route
    asks = outcome is Outcome.AMBIGUOUS
    assert decision.action is (Action.CLARIFY if asks else Action.INVOKE)
    assert bool(decision.clarifying_question) == asks
    assert decision.rationale


def test_a_decision_names_where_to_go_next() -> None:
    assert decided([SURE]).fallback_route == "b"
    assert decided([candidate("b", 0.9)]).fallback_route == DEFAULT
    assert decided([UNSURE]).fallback_route == ""


def test_a_clarifying_question_names_both_and_says_what_is_known_of_them() -> None:
    question = decided(CLOSE, margin=0.05).clarifying_question
    assert question == "Which do you mean: a, or b (All about b)?"


PROBABILITY = st.floats(0, 1)
COSINE = st.floats(-1, 1)


@st.composite
def rankings(draw: st.DrawFn) -> list[Candidate]:
    """Up to three candidates, confidences falling."""
    names = draw(st.permutations(["a", "b", DEFAULT]))[: draw(st.integers(0, 3))]
    confidences = sorted((draw(PROBABILITY) for _ in names), reverse=True)
    return [
        candidate(name, confidence, similarity=draw(COSINE), threshold=draw(COSINE))
        for name, confidence in zip(names, confidences, strict=True)
    ]


@given(rankings(), PROBABILITY, st.booleans(), PROBABILITY, PROBABILITY)
def test_a_route_whose_bar_is_missed_never_loses_to_a_worse_one_with_a_lower_bar(
    candidates: list[Candidate],
    scope: float,
    calibrated: bool,
    margin: float,
    min_confidence: float,
) -> None:
    decision = decided(
        candidates,
        scope=scope,
        calibrated=calibrated,
        margin=margin,
        min_confidence=min_confidence,
    )
    chosen = decision.outcome in (Outcome.MATCHED, Outcome.AMBIGUOUS)
    assert decision.route.name == (candidates[0].route if chosen else DEFAULT)
    if chosen:
        assert candidates[0].reaches_threshold
        assert scope >= SCOPE_BAR
    if decision.outcome is Outcome.MATCHED and calibrated:
        assert candidates[0].confidence >= min_confidence
    assert decision.candidates == tuple(candidates)


@given(rankings(), PROBABILITY, PROBABILITY, PROBABILITY, PROBABILITY)
def test_an_uncalibrated_confidence_is_never_compared_with_the_least_confidence(
    candidates: list[Candidate], scope: float, margin: float, one: float, other: float
) -> None:
    decisions = [
        decided(candidates, scope=scope, calibrated=False, margin=margin, min_confidence=least)
        for least in (one, other)
    ]
    assert decisions[0] == decisions[1]
    assert Reason.BELOW_MIN_CONFIDENCE not in decisions[0].reasons


def ruled(**clues: frozenset[str]) -> Query:
    return Query(text="x", clues=Clues(**clues))  # type: ignore[arg-type]


def test_a_boost_of_a_rule_is_a_reason_where_it_had_a_part_in_the_decision() -> None:
    query = ruled(boosted_by_rules=frozenset({"a"}))
    with_part = decided([SURE], swayed=frozenset({"a"}), query=query)
    assert with_part.reasons == (Reason.ABOVE_THRESHOLD, Reason.RULE_BOOSTED)
    # Another stage's boost, and a rule's that changed nothing.
    assert decided([SURE], swayed=frozenset({"b"}), query=query).reasons == with_part.reasons[:1]
    assert decided([SURE], query=query).reasons == with_part.reasons[:1]


def test_a_rule_that_forbids_the_best_is_a_reason_and_no_way_leads_there() -> None:
    query = ruled(forbidden=frozenset({"b"}))
    forbade = decided([SURE], left_out="b", query=query)
    assert forbade.reasons == (Reason.ABOVE_THRESHOLD, Reason.RULE_FORBADE)
    assert decided([SURE], query=query).reasons == (Reason.ABOVE_THRESHOLD,)
    assert (decided([SURE]).fallback_route, forbade.fallback_route) == ("b", DEFAULT)


TREE = Catalog(
    taxonomy=Taxonomy(
        default_route=DEFAULT,
        hierarchy=Hierarchy(beams=3, default_routes={"x": "x/any", "x/y": "x/y/any"}),
    ),
    routes={
        name: Route(name=name) for name in ("x/any", "x/b", "x/y/any", "x/y/a", "z/c", DEFAULT)
    },
)
NESTED = candidate("x/y/a", 0.6)
BOTH_SURE = {"x": 0.9, "x/y": 0.75}


def nested(
    best: Candidate,
    groups: Mapping[str, float],
    *,
    query: Query | None = None,
    scope: float = 0.9,
    calibrated: bool = True,
) -> Decision:
    ranking = Ranking((best, candidate("x/b", 0.1)), scope, calibrated, groups=groups)
    return decide(ranking, TREE, query or Query(text="x"))


@pytest.mark.parametrize(
    ("decision", "route"),
    [
        (nested(NESTED, BOTH_SURE), "x/y/any"),
        (nested(NESTED, {"x": 0.9, "x/y": 0.74}), "x/any"),
        (nested(NESTED, {"x": 0.74, "x/y": 0.7}), DEFAULT),
        (nested(candidate("z/c", 0.6), {"z": 0.9, "x": 0.05}), DEFAULT),
        (nested(candidate("x/y/a", 0.9), {"x": 0.95, "x/y": 0.95}), "x/y/a"),
        (nested(candidate("x/y/a", 0.6, similarity=0.2), BOTH_SURE), DEFAULT),
        (nested(NESTED, BOTH_SURE, scope=0.4), DEFAULT),
        (nested(NESTED, BOTH_SURE, calibrated=False), "x/y/a"),
        (nested(NESTED, BOTH_SURE, query=Query(text="x", rejected_routes=("x/y/any",))), "x/any"),
        (nested(NESTED, BOTH_SURE, query=Query(text="x", rejected_routes=(DEFAULT,))), "x/y/any"),
        (
            nested(
                NESTED, BOTH_SURE, query=Query(text="x", off=Off(routes=frozenset(["x/y/any"])))
            ),
            "x/any",
        ),
        (
            nested(
                NESTED,
                BOTH_SURE,
                query=Query(text="x", clues=Clues(forbidden=frozenset(["x/any"]))),
            ),
            "x/y/any",
        ),
        (
            nested(NESTED, BOTH_SURE, query=Query(text="x", allowed_routes=frozenset(["x/y/a"]))),
            DEFAULT,
        ),
    ],
    ids=[
        "sure of the inner group",
        "sure of the outer group",
        "sure of none",
        "a group without a default route",
        "sure of the route",
        "too far",
        "a stranger",
        "uncalibrated",
        "rejected there",
        "rejected by the default route of all",
        "switched off there",
        "forbidden elsewhere",
        "not allowed there",
    ],
)
def test_where_a_query_goes_that_is_surely_of_a_group(decision: Decision, route: str) -> None:
    assert decision.route.name == route
    assert Reason.REROUTE_LIMIT not in decision.reasons


def test_a_query_that_goes_to_a_groups_default_route_says_so() -> None:
    decision = nested(NESTED, BOTH_SURE)
    assert (decision.outcome, decision.reasons) == (Outcome.FALLBACK, BOTH_BELOW)
    assert decision.fallback_route == DEFAULT
    assert decision.rationale == (
        "Not sure enough of x/y/a (confidence 0.60, needs 0.75), so it goes to x/y/any, the "
        'default route of group x/y (75%); the nearest exemplar of x/y/a is "an exemplar of x/y/a" '
        "(similarity 0.60, needs 0.30)."
    )
