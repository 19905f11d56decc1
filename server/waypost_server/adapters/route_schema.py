"""What the YAML files of a routes folder may say."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeFloat,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import YamlFile
from waypost_server.core.catalog import DEFAULT_ROUTE, ReasoningEffort

Fraction = Annotated[float, Field(ge=0, le=1)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]  # as in the contract


def _threshold(value: object) -> float | None:
    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise ValueError(f"threshold is {value!r}; write a number between -1 and 1, or auto")
    return float(value)


def _fits_float(value: JsonValue) -> bool:
    """Whether all numbers do: the contract's Struct knows no others."""
    if isinstance(value, dict):
        return all(map(_fits_float, value.values()))
    if isinstance(value, list):
        return all(map(_fits_float, value))
    return not isinstance(value, int) or abs(value) < 10**300


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SpecialistSection(_Section):
    """`specialist` of route.yaml; the prompt stands in specialist.md."""

    models: tuple[str, ...] = ()
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_output_tokens: Uint32 = 0
    stop: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    timeout_ms: Uint32 = 0
    first_token_timeout_ms: Uint32 = 0
    connect_timeout_ms: Uint32 = 0


class HintsSection(_Section):
    """`hints` of route.yaml."""

    needs_retrieval: bool | None = None
    reasoning_effort: ReasoningEffort | None = None


class RouteFile(_Section):
    """route.yaml."""

    description: str = ""
    threshold: Annotated[float | None, BeforeValidator(_threshold)] = None
    fallback_route: str = ""
    specialist: SpecialistSection = SpecialistSection()
    params: dict[str, JsonValue] | None = None
    hints: HintsSection = HintsSection()

    @model_validator(mode="after")
    def _params_describe_an_object(self) -> Self:
        if self.params is not None and self.params.get("type") != "object":
            raise ValueError("params is a JSON Schema and must say `type: object`")
        if self.params is not None and not _fits_float(self.params):
            raise ValueError("params has a number that is too large for a float")
        return self


class LimitsSection(_Section):
    """`limits` of taxonomy.yaml."""

    max_query_bytes: Annotated[int, Field(ge=1, le=2**20)] = 32_768


class TaxonomyFile(_Section):
    """taxonomy.yaml."""

    default_route: str = DEFAULT_ROUTE
    min_confidence: Fraction = 0.75
    margin: Fraction = 0.0
    language: str = "en"
    limits: LimitsSection = LimitsSection()


class ModelSection(_Section):
    """An entry of fleet.yaml."""

    provider: Literal["openai", "anthropic"]
    model: Annotated[str, Field(min_length=1)]
    base_url: str = ""
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")] = ""
    context_window: Annotated[int, Field(ge=1, lt=2**32)] | None = None
    usd_per_mtok_in: NonNegativeFloat = 0.0
    usd_per_mtok_out: NonNegativeFloat = 0.0
    tags: tuple[str, ...] = ()
    enabled: bool = True


class FleetFile(_Section):
    """fleet.yaml."""

    models: dict[str, ModelSection] = {}


S = TypeVar("S", bound=BaseModel)


def validate(schema: type[S], file: YamlFile) -> S:
    """The file's content; raises FileProblems naming every wrong value."""
    try:
        return schema.model_validate(file.value)
    except ValidationError as error:
        raise FileProblems(
            file.problem(e["loc"], _explain(schema, e)) for e in error.errors()
        ) from None


def _explain(schema: type[BaseModel], error: ErrorDetails) -> str:
    """What is wrong with a value, and how to mend it."""
    *parents, key = error["loc"] or ("",)
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = _keys(schema, parents)
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {close[0]!r}? It may be" if close else "it may be"
        return f"{name} is an unknown key; {hint} one of {', '.join(known)}"
    if error["type"] == "missing":
        return f"{name} is missing; add it"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    given = error["input"]
    shown = repr(given) if isinstance(given, str | int | float) else f"a {type(given).__name__}"
    if error["type"] == "invalid-json-value":
        return f"{name} is {shown[:80]}, which JSON does not have; put the value in quotes"
    return f"{name} is {shown[:80]}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _keys(schema: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Keys that may stand in the section at `location`."""
    section: object = schema
    for part in location:
        fields = getattr(section, "model_fields", {})
        section = fields[part].annotation if part in fields else ModelSection
    return sorted(getattr(section, "model_fields", {}))
