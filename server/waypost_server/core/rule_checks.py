"""A rule's condition in a form that can be tested, found by what it needs, and reasoned about."""

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from waypost_server.core.keywords import words_of
from waypost_server.core.rules import Condition, Rules


class Fact(NamedTuple):
    """Something that is so of a query.

    A keyword stands in it ("word"), an expression matches ("regex"), a metadata key has a value
    ("metadata"), the tenant has a name ("tenant").
    """

    kind: str
    what: str
    value: str = ""


class Span(NamedTuple):
    """A length, bounds included."""

    least: int = 0
    most: float = math.inf

    def holds(self, length: int) -> bool:
        """Whether a length is within."""
        return self.least <= length <= self.most

    def both(self, other: "Span") -> "Span":
        """What is within this one and another."""
        return Span(max(self.least, other.least), min(self.most, other.most))

    @property
    def is_empty(self) -> bool:
        """Whether no length is within."""
        return self.least > self.most


ANY_LENGTH = Span()


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to know of a query: facts, and its lengths in characters and tokens."""

    facts: AbstractSet[Fact]
    characters: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A conjunction; two that are written differently and say the same are mostly equal.

    Attributes:
        every: facts that must all be there.
        some: sets of facts of each of which one must be there.
        none: facts that must not be there.
        characters: the length of the text.
        tokens: likewise, in tokens.
        alternatives: sets of checks of each of which one must hold.
        refused: checks that must not hold.
    """

    every: frozenset[Fact] = frozenset()
    some: frozenset[frozenset[Fact]] = frozenset()
    none: frozenset[Fact] = frozenset()
    characters: Span = ANY_LENGTH
    tokens: Span = ANY_LENGTH
    alternatives: "frozenset[frozenset[Check]]" = field(default_factory=frozenset)
    refused: "frozenset[Check]" = field(default_factory=frozenset)

    def holds(self, seen: Seen) -> bool:
        """Whether a query is like that."""
        facts = seen.facts
        return (
            self.every <= facts
            and not any(group.isdisjoint(facts) for group in self.some)
            and self.none.isdisjoint(facts)
            and self.characters.holds(seen.characters)
            and self.tokens.holds(seen.tokens)
            and all(any(check.holds(seen) for check in checks) for checks in self.alternatives)
            and not any(check.holds(seen) for check in self.refused)
        )

    def triggers(self) -> frozenset[Fact] | None:
        """Facts of which one is there whenever it holds, as few as possible; None for no such."""
        found = [*(frozenset((fact,)) for fact in self.every), *self.some]
        for checks in self.alternatives:
            each = [check.triggers() for check in checks]
            if None not in each:
                found.append(frozenset().union(*(one for one in each if one)))
        return min(found, key=lambda facts: (len(facts), sorted(facts)), default=None)

    def both(self, other: "Check") -> "Check":
        """What holds where this and another check do."""
        return Check(
            every=self.every | other.every,
            some=self.some | other.some,
            none=self.none | other.none,
            characters=self.characters.both(other.characters),
            tokens=self.tokens.both(other.tokens),
            alternatives=self.alternatives | other.alternatives,
            refused=self.refused | other.refused,
        )


def check_of(condition: Condition, rules: Rules) -> Check:
    """What `condition` says, with the names that `rules` gives to things."""
    groups = [
        [_word(keyword) for keyword in condition.any_keyword],
        [Fact("regex", pattern) for pattern in condition.regex],
        [Fact("tenant", name) for name in condition.tenants],
        [Fact("metadata", rules.task_type, value) for value in condition.task_types],
        *(
            [Fact("metadata", key, value) for value in values]
            for key, values in condition.metadata.items()
        ),
    ]
    check = Check(
        every=frozenset(_word(keyword) for keyword in condition.all_keywords),
        none=frozenset(_word(keyword) for keyword in condition.no_keyword),
        characters=_span(condition.min_characters, condition.max_characters),
        tokens=_span(condition.min_tokens, condition.max_tokens),
    )
    for group in groups:
        check = check.both(_one_of(group))
    for part in condition.all_of:
        check = check.both(check_of(part, rules))
    if condition.any_of:
        check = check.both(_any_of(check_of(part, rules) for part in condition.any_of))
    if condition.not_of:
        check = check.both(_not(check_of(condition.not_of, rules)))
    return check


def facts_of(check: Check) -> set[Fact]:
    """All facts that a check speaks of."""
    found = set(check.every | check.none).union(*check.some)
    for inner in (*check.refused, *(one for checks in check.alternatives for one in checks)):
        found |= facts_of(inner)
    return found


def _word(keyword: str) -> Fact:
    """Named by its folded form, so that two ways to write it are one fact."""
    return Fact("word", " ".join(words_of(keyword)))


def _span(least: int, most: int | None) -> Span:
    return Span(least, math.inf if most is None else most)


def _one_of(facts: Iterable[Fact]) -> Check:
    group = frozenset(facts)
    if len(group) == 1:
        return Check(every=group)
    return Check(some=frozenset((group,))) if group else Check()


def _any_of(checks: Iterable[Check]) -> Check:
    """Plain groups of facts become one group, which can be found by its facts and compared."""
    facts: set[Fact] = set()
    others: set[Check] = set()
    for check in checks:
        group = _group_of(check)
        if group is None:
            others.add(check)
        else:
            facts |= group
    if not others:
        return _one_of(facts)
    if facts:
        others.add(_one_of(facts))
    if len(others) == 1:
        return others.pop()
    return Check(alternatives=frozenset((frozenset(others),)))


def _not(check: Check) -> Check:
    group = _group_of(check)
    return Check(refused=frozenset((check,))) if group is None else Check(none=group)


def _group_of(check: Check) -> frozenset[Fact] | None:
    """The facts of which one is enough, where that is all that a check says."""
    for group in (*check.some, check.every):
        if group and check == _one_of(group):
            return group
    return None
