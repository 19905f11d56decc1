"""Conditions as checks, and what follows from them, held against plain evaluation."""

import random
import re
from collections.abc import Callable
from itertools import product

import pytest

from waypost_server.core.query import Query
from waypost_server.core.rule_checks import Check, Fact, Seen, check_of, facts_of
from waypost_server.core.rule_logic import implies, is_impossible
from waypost_server.core.rules import Condition, Rules

WORDS = ("alpha", "beta", "gamma")
PLANS = ("free", "pro")
RULES = Rules(task_type="kind")

SEEN = [
    (text, Query(text=text, tenant=tenant, metadata=metadata))
    for words in product((False, True), repeat=3)
    for text in [" ".join(word for word, there in zip(WORDS, words, strict=True) if there) or "-"]
    for tenant in ("", "acme")
    for metadata in ({}, {"plan": "free"}, {"plan": "pro", "kind": "chat"})
]


def seen_of(query: Query) -> Seen:
    facts = {Fact("word", word) for word in query.text.split()}
    facts |= {Fact("metadata", *pair) for pair in query.metadata.items()}
    return Seen(facts | {Fact("tenant", query.tenant)}, len(query.text), len(query.text) // 2)


def plainly(condition: Condition, query: Query) -> bool:
    """The docstring of `Condition`, word for word."""
    has = [bool(re.search(rf"\b{word}\b", query.text)) for word in WORDS]
    there = dict(zip(WORDS, has, strict=True))
    size, tokens = len(query.text), len(query.text) // 2
    return (
        (not condition.any_keyword or any(there[w] for w in condition.any_keyword))
        and all(there[w] for w in condition.all_keywords)
        and not any(there[w] for w in condition.no_keyword)
        and condition.min_characters <= size
        and (condition.max_characters is None or size <= condition.max_characters)
        and condition.min_tokens <= tokens
        and (condition.max_tokens is None or tokens <= condition.max_tokens)
        and all(query.metadata.get(key) in of for key, of in condition.metadata.items())
        and (not condition.tenants or query.tenant in condition.tenants)
        and (not condition.task_types or query.metadata.get("kind") in condition.task_types)
        and all(plainly(part, query) for part in condition.all_of)
        and (not condition.any_of or any(plainly(part, query) for part in condition.any_of))
        and (condition.not_of is None or not plainly(condition.not_of, query))
    )


def condition(rng: random.Random, depth: int = 2) -> Condition:
    """One to three things that a condition may say, by lot."""

    def some(of: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(rng.sample(of, rng.randint(1, 2)))

    makers: dict[str, Callable[[], object]] = {
        "any_keyword": lambda: some(WORDS),
        "all_keywords": lambda: some(WORDS),
        "no_keyword": lambda: some(WORDS),
        "metadata": lambda: {"plan": some(PLANS)},
        "tenants": lambda: some(("", "acme")),
        "task_types": lambda: ("chat",),
        "min_characters": lambda: rng.randint(0, 18),
        "max_characters": lambda: rng.randint(0, 18),
        "min_tokens": lambda: rng.randint(0, 9),
        "max_tokens": lambda: rng.randint(0, 9),
    }
    if depth:
        for kind in ("all_of", "any_of"):
            makers[kind] = lambda: tuple(
                condition(rng, depth - 1) for _ in range(rng.randint(1, 2))
            )
        makers["not_of"] = lambda: condition(rng, depth - 1)
    said = {kind: makers[kind]() for kind in rng.sample(list(makers), rng.randint(1, 3))}
    return Condition(**said)  # type: ignore[arg-type]


RANDOM = [condition(random.Random(seed)) for seed in range(400)]  # noqa: S311


def test_a_check_holds_where_its_condition_plainly_does() -> None:
    for one in RANDOM:
        check = check_of(one, RULES)
        for _, query in SEEN:
            assert check.holds(seen_of(query)) is plainly(one, query), one


def test_one_of_its_triggers_is_there_whenever_a_check_holds() -> None:
    found = 0
    for one in RANDOM:
        check = check_of(one, RULES)
        triggers = check.triggers()
        if triggers is None:
            continue
        found += 1
        assert triggers <= facts_of(check)
        for _, query in SEEN:
            seen = seen_of(query)
            assert not check.holds(seen) or not triggers.isdisjoint(seen.facts), one
    assert found > 100


def test_what_is_said_to_follow_does() -> None:
    holding = [
        (check, {i for i, (_, query) in enumerate(SEEN) if check.holds(seen_of(query))})
        for check in (check_of(one, RULES) for one in RANDOM)
    ]
    followed = 0
    for narrow, where in holding:
        assert implies(narrow, narrow)
        assert not (is_impossible(narrow) and where), narrow
        for wide, there in holding:
            if implies(narrow, wide):
                followed += narrow != wide
                assert where <= there, (narrow, wide)
    assert followed > 100


def of(**said: object) -> Check:
    return check_of(Condition(**said), RULES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (of(any_keyword=("a", "B")), of(any_keyword=("b", "a", "A"))),
        (of(any_keyword=("a",)), of(all_keywords=("A",))),
        (of(no_keyword=("a", "b")), of(not_of=Condition(any_keyword=("a", "b")))),
        (of(any_of=(Condition(regex=("x",)), Condition(tenants=("t",)))),
         of(any_of=(Condition(tenants=("t",)), Condition(regex=("x",))))),
        (of(all_of=(Condition(tenants=("t",)), Condition(min_characters=3))),
         of(tenants=("t",), min_characters=3)),
        (of(task_types=("chat",)), of(metadata={"kind": ("chat",)})),
    ],
)  # fmt: skip
def test_two_ways_to_say_the_same_are_equal(one: Check, same: Check) -> None:
    assert one == same


@pytest.mark.parametrize(
    "check",
    [
        of(any_keyword=("a", "b"), no_keyword=("a", "b", "c")),
        of(all_keywords=("a",), not_of=Condition(any_keyword=("a", "b"))),
        of(all_of=(Condition(tenants=("a",)), Condition(tenants=("b", "c")))),
        of(metadata={"kind": ("chat",)}, task_types=("code",)),
        of(all_of=(Condition(min_tokens=9), Condition(max_tokens=8))),
        of(min_characters=5, not_of=Condition(min_characters=4)),
        of(any_of=(Condition(min_tokens=2, max_tokens=1),)),
    ],
)
def test_what_cannot_be_is_recognised(check: Check) -> None:
    assert is_impossible(check)


def test_a_key_may_have_one_of_several_values() -> None:
    assert not is_impossible(of(metadata={"kind": ("chat", "code")}, task_types=("code",)))
    assert not is_impossible(of(metadata={"plan": ("pro",), "kind": ("chat",)}))
