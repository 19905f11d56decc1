"""Rules asked about queries: which fire, which decides, and what the encoder is told."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import NO_CLUES, Clues
from waypost_server.core.decision import decide_by_verdict
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.rule_stage import END, RuleStage
from waypost_server.core.rules import Condition, Rule, Rules
from waypost_server.core.switches import Off
from waypost_server.core.token_estimate import estimated_tokens


class PlainPatterns:
    """Python's own expressions."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]

    def matching(self, text: str) -> Sequence[int]:
        return [place for place, _, _ in self.find(text)]

    def find(self, text: str) -> Sequence[tuple[int, int, int]]:
        found = ((place, one.search(text)) for place, one in enumerate(self._patterns))
        return [(place, *match.span()) for place, match in found if match]


def stage(*rules: Rule, task_type: str = "task_type") -> RuleStage:
    return RuleStage(Rules(rules=rules, task_type=task_type), PlainPatterns)


def word(*words: str) -> Condition:
    return Condition(any_keyword=words)


def test_of_the_rules_that_fire_the_highest_decides_and_of_equals_the_first() -> None:
    asked = stage(
        Rule(name="low", when=word("crash"), route="a", priority=-1),
        Rule(name="first", when=word("crash", "hang"), route="b"),
        Rule(name="second", when=word("crash"), route="c"),
        Rule(name="high", when=Condition(regex=(r"error \d+",)), route="d", priority=5),
    )
    assert [rule.name for rule in asked.fired(Query(text="a crash: error 42"))] == [
        "high", "first", "second", "low",
    ]  # fmt: skip
    for text, route in (("a crash: error 42", "d"), ("a crash", "b"), ("it is fine", "")):
        verdict = asked(Query(text=text), NO_CLUES).verdict
        assert (verdict.route if verdict else "") == route


def test_a_verdict_names_the_rule_and_nothing_of_the_text() -> None:
    clues = stage(Rule(name="trace", when=word("traceback"), route="a"))(
        Query(text="secret traceback"), NO_CLUES
    )
    verdict = clues.verdict
    assert verdict is not None
    assert (verdict.stage, verdict.outcome, verdict.action, verdict.reason) == (
        Stage.RULES, Outcome.MATCHED, Action.INVOKE, Reason.RULE_MATCHED,
    )  # fmt: skip
    assert verdict.rationale == "The rule trace sends it to a."
    catalog = Catalog(
        taxonomy=Taxonomy(), routes={name: Route(name=name) for name in ("a", "default")}
    )
    decision = decide_by_verdict(verdict, replace(Query(text="x"), clues=clues), catalog)
    assert decision.reasons == (Reason.RULE_MATCHED,)
    assert decision.candidates == ()  # so that the contract's confidence is 0, as it promises


CRASH = Rule(name="crash", when=word("crash"), route="a")


@pytest.mark.parametrize(
    "query",
    [
        Query(text="crash", allowed_routes=frozenset({"b"})),
        Query(text="crash", rejected_routes=("a",)),
        Query(text="crash", off=Off(routes=frozenset({"a"}))),
    ],
)
def test_a_route_that_may_not_be_chosen_leaves_it_to_the_next_rule_or_the_encoder(
    query: Query,
) -> None:
    assert stage(CRASH)(query, NO_CLUES).verdict is None
    other = Rule(name="other", when=word("crash"), route="b", priority=-1)
    verdict = stage(CRASH, other)(query, NO_CLUES).verdict
    assert verdict is not None
    assert verdict.route == "b"


def test_a_query_that_was_rejected_too_often_is_not_decided_by_rules() -> None:
    query = Query(text="crash", rejected_routes=("b", "c", "d"))
    assert stage(CRASH)(query, NO_CLUES).verdict is None


def test_forbid_wins_over_route_whatever_the_priority() -> None:
    forbid = Rule(name="no", when=Condition(tenants=("trial",)), forbid=("a",), priority=-9)
    asked = stage(replace(CRASH, priority=9), forbid)
    clues = asked(Query(text="crash", tenant="trial"), NO_CLUES)
    assert clues.verdict is None
    assert clues.forbidden == {"a"}
    assert asked(Query(text="crash"), NO_CLUES).verdict is not None


def test_boosts_add_up_on_top_of_what_is_there() -> None:
    asked = stage(
        Rule(name="x", when=word("flag"), boost={"a": 1.5, "b": -1.0}),
        Rule(name="y", when=word("default"), boost={"a": 0.5}),
    )
    clues = asked(Query(text="the default flag"), Clues(boosts={"b": 3.0, "c": 1.0}))
    assert clues.boosts == {"a": 2.0, "b": 2.0, "c": 1.0}
    assert clues.boosted_by_rules == {"a", "b"}
    assert clues.verdict is None


def test_where_no_rule_fires_the_clues_stay_as_they_are() -> None:
    before = Clues(boosts={"b": 3.0})
    assert stage(CRASH)(Query(text="all is well"), before) is before


def test_metadata_tenant_and_the_task_type_under_the_name_that_is_configured() -> None:
    asked = stage(
        Rule(name="plan", when=Condition(metadata={"plan": ("pro", "team")}), boost={"a": 1}),
        Rule(name="nobody", when=Condition(tenants=("",)), boost={"a": 1}),
        Rule(name="type", when=Condition(task_types=("review",)), boost={"a": 1}),
        task_type="x-task",
    )

    def fired(query: Query) -> list[str]:
        return [rule.name for rule in asked.fired(query)]

    assert fired(Query(text="t", tenant="acme")) == []
    assert fired(Query(text="t", metadata={"plan": "team"})) == ["plan", "nobody"]
    assert fired(Query(text="t", tenant="a", metadata={"x-task": "review"})) == ["type"]
    assert fired(Query(text="t", tenant="a", metadata={"task_type": "review"})) == []


def test_lengths_in_characters_and_in_tokens_as_the_request_says_or_else_estimated() -> None:
    asked = stage(
        Rule(name="long", when=Condition(min_tokens=100), boost={"a": 1}),
        Rule(name="short", when=Condition(max_characters=10), boost={"a": 1}),
    )

    def fired(query: Query) -> list[str]:
        return [rule.name for rule in asked.fired(query)]

    assert fired(Query(text="x" * 10)) == ["short"]
    assert fired(Query(text="x" * 11)) == []
    least = next(n for n in range(11, 1_000) if estimated_tokens("x" * n) >= 100)
    assert fired(Query(text="x" * least)) == ["long"]
    assert fired(Query(text="x" * (least - 1))) == []
    assert fired(Query(text="x" * 11, input_tokens=100)) == ["long"]
    assert fired(Query(text="x" * 1000, input_tokens=99)) == []


def test_of_a_long_text_both_ends_are_read_and_its_whole_length_counts() -> None:
    asked = stage(CRASH, Rule(name="long", when=Condition(min_characters=3 * END), forbid=("b",)))
    filler = "word " * END
    for text, there in (
        (f"crash {filler}", True),
        (f"{filler} crash", True),
        (f"{filler} crash {filler}", False),
    ):
        clues = asked(Query(text=text), NO_CLUES)
        assert (clues.verdict is not None) is there
        assert clues.forbidden == {"b"}


def test_a_thousand_rules_fire_as_each_alone_does() -> None:
    rules = [
        Rule(
            name=f"r{i}",
            when=Condition(
                any_keyword=(f"w{i % 50}", f"two w{i % 7}"),
                no_keyword=(f"w{i % 11 + 50}",),
                regex=(rf"id={i % 13}\b",) if i % 3 else (),
            ),
            boost={"a": 1.0},
            priority=i % 5,
        )
        for i in range(1_000)
    ]
    together = stage(*rules)
    for i in range(0, 60, 7):
        query = Query(text=f"w{i} and two w{i % 7} or w{i + 1}, id={i % 13}")
        alone = {rule.name for rule in rules if stage(rule).fired(query)}
        fired = together.fired(query)
        assert {rule.name for rule in fired} == alone
        assert [rule.priority for rule in fired] == sorted(
            (rule.priority for rule in fired), reverse=True
        )
