"""The stage: what it finds, checks, leaves out and says is missing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from waypost_server.adapters.re2_patterns import compile_re2
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import Clues, Verdict
from waypost_server.core.decision import Decision, PlanStep, decide_by_verdict
from waypost_server.core.extraction.parameters import NOTHING, Extracted, Parameters, with_params
from waypost_server.core.extraction.specs import (
    Code,
    Date,
    Email,
    Extractor,
    Files,
    Number,
    Pattern,
    Pick,
    Quoted,
    Url,
    Version,
    Words,
)
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query

COLOURS = Words(synonyms={"red": ("red", "crimson"), "blue": ("blue", "navy")})


def route(
    extract: dict[str, Sequence[Extractor]],
    properties: dict[str, dict[str, Any]],
    *,
    required: Sequence[str] = (),
    params_model: str = "",
) -> Route:
    return Route(
        name="r",
        params_schema={"type": "object", "properties": properties, "required": list(required)},
        extract={name: tuple(specs) for name, specs in extract.items()},
        params_model=params_model,
    )


def parameters(*routes: Route) -> Parameters:
    default = Route(name="default")
    catalog = Catalog(taxonomy=Taxonomy(), routes={one.name: one for one in (*routes, default)})
    return Parameters(catalog, compile_regex=compile_re2, today=lambda: date(2026, 3, 18))


def found(text: str, spec: Extractor | Sequence[Extractor], schema: dict[str, Any]) -> object:
    """The value of a parameter p."""
    specs = spec if isinstance(spec, Sequence) else [spec]
    one = route({"p": specs}, {"p": schema})
    return parameters(one).of(one, text).params.get("p")


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("text", "spec", "schema", "value"),
    [
        ("a navy hat", COLOURS, {"enum": ["red", "blue"]}, "blue"),
        ("red, navy", replace(COLOURS, pick=Pick.LAST), STRING, "blue"),
        ("red, navy, blue", replace(COLOURS, pick=Pick.MOST), STRING, "blue"),
        ("red, navy", replace(COLOURS, pick=Pick.MOST), STRING, "red"),
        ("from red to navy", replace(COLOURS, after=("to",)), STRING, "blue"),
        ("to a very red one", replace(COLOURS, after=("to",)), STRING, None),
        ("id-42 and id-7", Pattern(regex=r"id-(\d+)"), {"type": "integer"}, 42),
        ("id-42 and id-7", Pattern(regex=r"id-\d"), STRING, "id-4"),
        ("within 2 minutes", Number(units={"minutes": 60.0}), {"type": "integer"}, 120),
        ("within 2 minutes", Number(units={"minutes": 60.0}), STRING, "2 minutes"),
        ("since yesterday", Date(), STRING, "2026-03-17"),
        ("x = lambda y: y + 1", Code(), {"enum": ["go", "python"]}, "python"),
        ("x = lambda y: y + 1", Code(), {"enum": ["go"]}, None),
        ("three files", Files(), {"type": "integer"}, 3),
        ("https://a.example/x.", Url(), STRING, "https://a.example/x"),
        ("ask a@b.example", Email(), STRING, "a@b.example"),
        ("node 20", Version(of={"node": ("node",)}), STRING, "20"),
        ("named 'x y'", Quoted(), STRING, "x y"),
    ],
)
def test_each_extractor_gives_a_value_of_the_wanted_type(
    text: str, spec: Extractor, schema: dict[str, Any], value: object
) -> None:
    assert found(text, spec, schema) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "maximum": 10}, 7),
        ({"type": "integer", "minimum": 50}, None),
        ({"type": "integer", "enum": [7]}, 7),
        ({"type": "string", "pattern": "^.$"}, "7"),
        ({"type": "string", "minLength": 3}, None),
    ],
)
def test_a_value_that_does_not_fit_is_never_sent_but_the_next_may(
    schema: dict[str, Any], value: object
) -> None:
    assert found("id-42 and id-7", Pattern(regex=r"id-(\d+)"), schema) == value


def test_the_first_extractor_with_a_value_that_fits_gives_it() -> None:
    specs = [Pattern(regex="[0-9]+"), Pattern(regex="[a-z]+")]
    assert found("ab 12", specs, STRING) == "12"
    assert found("ab 12", specs, {"type": "string", "pattern": "a"}) == "ab"


def test_a_list_holds_each_value_once_and_no_more_than_it_may() -> None:
    schema = {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}}
    assert found("red navy crimson", COLOURS, schema) == ["red", "blue"]
    assert found("red navy crimson", COLOURS, {**schema, "maxItems": 1}) == ["red"]
    assert found("red", COLOURS, {**schema, "minItems": 2}) is None
    assert found("green", COLOURS, schema) is None


def test_a_default_stands_where_nothing_was_found_and_is_not_missing() -> None:
    one = route({"p": [COLOURS]}, {"p": {"type": "string", "default": "blue"}}, required=["p"])
    assert parameters(one).of(one, "green") == Extracted({"p": "blue"})
    assert parameters(one).of(one, "red") == Extracted({"p": "red"})


def test_required_parameters_without_a_value_are_missing_in_the_order_of_the_schema() -> None:
    properties = {"b": STRING, "a": STRING, "c": STRING}
    one = route({"a": [COLOURS]}, properties, required=["a", "b"])
    assert parameters(one).of(one, "x") == Extracted({}, ("b", "a"))
    assert parameters(one).of(one, "red") == Extracted({"a": "red"}, ("b",))


def test_a_route_that_extracts_nothing_has_nothing() -> None:
    silent = Route(name="s", params_schema={"type": "object", "required": ["x"]})
    assert parameters(silent).of(silent, "red") is NOTHING


def decided(one: Route, text: str, outcome: Outcome = Outcome.MATCHED) -> tuple[Query, Decision]:
    verdict = Verdict(
        stage=Stage.RULES,
        outcome=outcome,
        action=Action.INVOKE,
        reason=Reason.RULE_MATCHED,
        route=one.name,
        rationale="So says a rule.",
    )
    query = Query(text=text, clues=Clues(verdict=verdict))
    catalog = Catalog(taxonomy=Taxonomy(), routes={one.name: one, "default": Route(name="default")})
    return query, decide_by_verdict(verdict, query, catalog)


ROUTE = route({"p": [COLOURS]}, {"p": STRING}, required=["p"])


def test_the_stage_completes_a_decision_and_gives_a_reason_for_what_is_missing() -> None:
    stage = parameters(ROUTE)
    query, decision = decided(ROUTE, "red")
    assert stage(query, decision) == replace(decision, params={"p": "red"})
    query, decision = decided(ROUTE, "green")
    assert stage(query, decision) == replace(
        decision,
        missing_params=("p",),
        reasons=(Reason.RULE_MATCHED, Reason.MISSING_PARAMS),
        params={},
    )


def test_the_stage_leaves_other_routes_and_blocked_queries_as_they_are() -> None:
    stage = parameters(ROUTE)
    query, decision = decided(Route(name="other"), "red")
    assert stage(query, decision) is decision
    query, decision = decided(ROUTE, "red", Outcome.BLOCKED)
    assert stage(query, decision) is decision


def test_a_step_of_a_plan_has_the_parameters_of_its_own_part() -> None:
    stage = parameters(ROUTE)
    query, decision = decided(ROUTE, "one in red, then one in blue")
    texts = ("one in red", "then one in blue")
    plan = tuple(PlanStep(route=ROUTE, text=text, confidence=1.0) for text in texts)
    done = stage(query, replace(decision, plan=plan))
    assert [step.params for step in done.plan] == [{"p": "red"}, {"p": "blue"}]
    assert done.params == {"p": "red"}


ASKS = route(
    {"p": [COLOURS]},
    {
        "p": {"type": "string", "enum": ["red", "blue"]},
        "n": {"type": "integer", "minimum": 1, "description": "How many."},
        "free": STRING,
    },
    required=["n", "p"],
    params_model="small",
)


def test_a_model_is_asked_for_what_is_missing_alone() -> None:
    stage = parameters(ASKS)
    extracted = stage.of(ASKS, "in red")
    assert stage.wanted(ASKS, extracted) == {
        "type": "object",
        "properties": {
            "n": {
                "anyOf": [
                    {"type": "integer", "minimum": 1, "description": "How many."},
                    {"type": "null"},
                ]
            }
        },
        "required": ["n"],
        "additionalProperties": False,
    }


def test_a_model_is_not_asked_when_nothing_is_missing_or_the_route_names_none() -> None:
    stage = parameters(ASKS)
    assert stage.wanted(ASKS, Extracted({"n": 1, "p": "red"})) is None
    assert parameters(ROUTE).wanted(ROUTE, Extracted({}, ("p",))) is None


@pytest.mark.parametrize(
    ("answer", "params", "missing"),
    [
        ({"n": 3, "p": "blue"}, {"p": "blue", "n": 3}, ()),
        ({"n": 0, "p": "blue"}, {"p": "blue"}, ("n",)),
        ({"n": "3", "p": "green"}, {}, ("p", "n")),
        ({"n": None, "p": None}, {}, ("p", "n")),
        ({"n": True}, {}, ("p", "n")),
        ({"n": 3, "free": "not asked", "evil": 1}, {"n": 3}, ("p",)),
        ([3], {}, ("p", "n")),
        (None, {}, ("p", "n")),
    ],
)
def test_an_answer_adds_what_was_missing_and_fits(
    answer: object, params: dict[str, Any], missing: tuple[str, ...]
) -> None:
    stage = parameters(ASKS)
    assert stage.completed(ASKS, stage.of(ASKS, "x"), answer) == Extracted(params, missing)


def test_an_answer_never_changes_what_was_found() -> None:
    stage = parameters(ASKS)
    extracted = stage.of(ASKS, "red")
    completed = stage.completed(ASKS, extracted, {"p": "blue", "n": 2})
    assert completed == Extracted({"p": "red", "n": 2})


def test_parameters_that_were_completed_take_the_reason_back() -> None:
    query, decision = decided(ASKS, "red")
    short = parameters(ASKS)(query, decision)
    assert short.reasons[-1] is Reason.MISSING_PARAMS
    done = with_params(short, Extracted({"p": "red", "n": 2}))
    assert (done.reasons, done.missing_params) == ((Reason.RULE_MATCHED,), ())
