"""What the YAML files of a routes folder may say of calling models."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, field_validator

from waypost_server.adapters.re2_patterns import pattern_problem
from waypost_server.adapters.section import Fraction, Seconds, Section, Uint32, fits_float
from waypost_server.core.policy import GuardAction, Pattern, Pick

Feature = Literal["tools", "json_schema", "logprobs", "reasoning"]


def _said_off(value: object) -> object:
    """YAML reads a bare `off` as false."""
    return GuardAction.OFF if value is False else value


_Guarded = Annotated[GuardAction, BeforeValidator(_said_off)]


class ParallelSection(Section):
    """`specialist.parallel` of route.yaml."""

    width: Annotated[int, Field(ge=2, le=3)] = 2
    pick: Pick = Pick.FIRST
    grace_ms: Uint32 = 0


class JudgeSection(Section):
    """`specialist.checks.judge` of route.yaml."""

    model: Annotated[str, Field(min_length=1)]
    min_score: Fraction = 0.5
    instructions: str = ""


class ChecksSection(Section):
    """`specialist.checks` of route.yaml."""

    json_schema: dict[str, JsonValue] | None = None
    regex: str = ""
    min_confidence: Fraction = 0.0
    judge: JudgeSection | None = None

    @field_validator("json_schema")
    @classmethod
    def _schema_stays_here(cls, value: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        for reference in _references(value):
            if not reference.startswith("#"):
                raise ValueError(
                    f"json_schema refers to {reference[:80]!r}, and a client fetches nothing; put "
                    "it under $defs and refer to it with #/$defs/"
                )
        if not fits_float(value):
            raise ValueError("json_schema has a number that is too large for a float")
        return value

    @field_validator("regex")
    @classmethod
    def _regex_is_re2(cls, value: str) -> str:
        if problem := pattern_problem(value):
            raise ValueError(f"regex {problem}")
        return value


class GuardSection(Section):
    """`specialist.guard` of route.yaml."""

    secrets: _Guarded = GuardAction.OFF
    personal_data: _Guarded = GuardAction.OFF
    prompt_leak: _Guarded = GuardAction.OFF


class PolicySection(Section):
    """The part of `specialist` of route.yaml that says how its models make one answer."""

    pattern: Pattern = Pattern.FAILOVER
    max_calls: Annotated[int, Field(ge=1, le=32)] = 6
    idempotent: bool = True
    speculative: bool = False
    parallel: ParallelSection = ParallelSection()
    checks: ChecksSection = ChecksSection()
    guard: GuardSection = GuardSection()


class BreakerSection(Section):
    """`breaker` of a model in fleet.yaml."""

    failures: Annotated[int, Field(ge=1, lt=2**32)] = 5
    open_seconds: Annotated[Seconds, Field(ge=0.001)] = 30.0


class ShadowSection(Section):
    """An entry of `shadows` in fleet.yaml."""

    share: Fraction
    routes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    prompt: str = ""
    router: Annotated[str, Field(pattern=r"^$|^[^\s/]+:[0-9]{1,5}$")] = ""


def _references(value: JsonValue) -> Iterator[str]:
    """What the `$ref`s in a JSON Schema refer to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
