"""Rules: what the routes folder says must, may or must not happen to a query of some kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TASK_TYPE = "task_type"
"""Key of a request's metadata that says what type its task is of, unless rules.yaml says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a query must be like; all of it must hold, and what is empty always does.

    Attributes:
        any_keyword: words or phrases of which one must stand in the text.
        all_keywords: of which all must.
        no_keyword: of which none may.
        regex: RE2 expressions of which one must match somewhere in the text.
        min_characters: least length of the text, in code points.
        max_characters: its greatest; None for any.
        min_tokens: least length in tokens, as `estimated_tokens` has it or the request says.
        max_tokens: its greatest; None for any.
        metadata: by key, values of which the request's must be one.
        tenants: of which the request's must be one; "" is the default tenant.
        task_types: of which the request's must be one.
        all_of: conditions that must all hold.
        any_of: of which one must hold.
        not_of: that must not hold; None for none.
    """

    any_keyword: tuple[str, ...] = ()
    all_keywords: tuple[str, ...] = ()
    no_keyword: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    min_characters: int = 0
    max_characters: int | None = None
    min_tokens: int = 0
    max_tokens: int | None = None
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenants: tuple[str, ...] = ()
    task_types: tuple[str, ...] = ()
    all_of: "tuple[Condition, ...]" = ()
    any_of: "tuple[Condition, ...]" = ()
    not_of: "Condition | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; it has one of `route`, `boost` and `forbid`.

    Attributes:
        name: its name, unique.
        priority: the higher decides first; of equal ones the first in the file.
        when: the queries that it is about.
        route: where they go; empty for no such wish.
        boost: logits that speak for routes, or against them.
        forbid: routes that they may not go to.
    """

    name: str
    priority: int = 0
    when: Condition
    route: str = ""
    boost: Mapping[str, float] = field(default_factory=dict)
    forbid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules.

    Attributes:
        rules: in the order of the file.
        task_type: key of a request's metadata that says of what type its task is.
    """

    rules: tuple[Rule, ...] = ()
    task_type: str = TASK_TYPE

    def by_precedence(self) -> tuple[Rule, ...]:
        """The rules, the one that decides first first."""
        return tuple(sorted(self.rules, key=lambda rule: -rule.priority))
