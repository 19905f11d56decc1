"""What rules.yaml may say."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from waypost_server.adapters.re2_patterns import search_problem
from waypost_server.adapters.section import Section
from waypost_server.core.keywords import words_of
from waypost_server.core.query import MAX_METADATA_BYTES
from waypost_server.core.rules import TASK_TYPE

MAX_RULES = 10_000
"""More than anybody can keep apart; a mistake in what writes the file."""

MAX_BOOST = 20.0
"""Odds of a thousand million to one; beyond, `route` and `forbid` say it better."""

MAX_PRIORITY = 1_000_000


def _several(value: object) -> object:
    """One text may stand for a list of one."""
    values = [value] if isinstance(value, str) or not isinstance(value, list) else value
    for one in values:
        if not isinstance(one, str):
            raise ValueError(f"{one!r} is not text to YAML; put it in quotes")
    return values


_Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class KeywordsSection(Section):
    """`keywords` of a condition."""

    any: _Texts = ()
    all: _Texts = ()
    none: _Texts = ()

    @field_validator("any", "all", "none")
    @classmethod
    def _has_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in value:
            if not words_of(keyword):
                raise ValueError(f"keyword {keyword!r} is blank; write a word, or remove it")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.any or self.all or self.none):
            raise ValueError("keywords names none; write any, all or none with a list of words")
        return self


class BoundsSection(Section):
    """`characters` and `tokens` of a condition, bounds included."""

    min: Annotated[int, Field(ge=0)] = 0
    max: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise ValueError(
                f"min is {self.min} and max {self.max}, so that nothing is between; swap them"
            )
        return self


class ConditionSection(Section):
    """`when` of a rule, or a part of it; all that it says must hold."""

    keywords: KeywordsSection | None = None
    regex: _Texts = ()
    characters: BoundsSection = BoundsSection()
    tokens: BoundsSection = BoundsSection()
    metadata: dict[str, _Texts] = Field(default_factory=dict)
    tenant: _Texts = ()
    task_type: _Texts = ()
    all: "tuple[ConditionSection, ...]" = ()
    any: "tuple[ConditionSection, ...]" = ()
    not_: "ConditionSection | None" = Field(default=None, alias="not")

    @field_validator("regex")
    @classmethod
    def _regex_is_re2(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if problem := search_problem(pattern):
                raise ValueError(f"regex {pattern[:80]!r} {problem}")
        return value

    @field_validator("metadata")
    @classmethod
    def _fits_a_request(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for key, values in value.items():
            if any(len(text.encode()) > MAX_METADATA_BYTES for text in (key, *values)):
                raise ValueError(
                    f"metadata {key[:40]!r}: a request's keys and values have {MAX_METADATA_BYTES} "
                    "bytes at most, so that this is never so; shorten it"
                )
            if not values:
                raise ValueError(f"metadata {key[:40]!r} has no value; write one, or remove it")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "a condition is empty; write keywords, regex, characters, tokens, metadata, "
                "tenant, task_type, all, any or not"
            )
        for name in ("regex", "metadata", "tenant", "task_type", "all", "any"):
            if name in self.model_fields_set and not getattr(self, name):
                raise ValueError(f"{name} is empty; write something, or remove it")
        return self


class RuleSection(Section):
    """An entry of `rules`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    priority: Annotated[int, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)] = 0
    when: ConditionSection
    route: str = ""
    boost: dict[str, Annotated[float, Field(ge=-MAX_BOOST, le=MAX_BOOST)]] = Field(
        default_factory=dict
    )
    forbid: _Texts = ()

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(map(bool, (self.route, self.boost, self.forbid))) != 1:
            raise ValueError(
                f"rule {self.name!r} must have one of route, boost and forbid; write one of them, "
                "and another rule for another"
            )
        for route, boost in self.boost.items():
            if not boost:
                raise ValueError(f"rule {self.name!r}: boost of {route!r} is 0; remove it")
        return self


class RulesFile(Section):
    """rules.yaml."""

    task_type: Annotated[str, Field(min_length=1, max_length=128)] = TASK_TYPE
    rules: Annotated[tuple[RuleSection, ...], Field(max_length=MAX_RULES)] = ()
