"""What the YAML files of a routes folder may say."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, NonNegativeFloat, model_validator

from waypost_server.adapters.conversation_schema import Stickiness
from waypost_server.adapters.escalation_schema import EscalationSection
from waypost_server.adapters.guard_schema import GuardSection, RouteGuardSection
from waypost_server.adapters.hierarchy_schema import HierarchySection
from waypost_server.adapters.plans_schema import PlansSection
from waypost_server.adapters.policy_schema import (
    BreakerSection,
    Feature,
    PolicySection,
    ShadowSection,
)
from waypost_server.adapters.section import Fraction, Seconds, Section, Uint32, fits_float
from waypost_server.adapters.tenants_schema import SensitivitySection, Tag, TenantSection
from waypost_server.core.catalog import DEFAULT_ROUTE, ReasoningEffort
from waypost_server.core.model_policy import Prefer


def _threshold(value: object) -> float | None:
    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise ValueError(f"threshold is {value!r}; write a number between -1 and 1, or auto")
    return float(value)


class SpecialistSection(PolicySection):
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
    call_timeout_ms: Uint32 = 0
    requires: tuple[Tag, ...] = ()
    max_latency_ms: Uint32 = 0
    prefer: Prefer = Prefer.LISTED


class HintsSection(Section):
    """`hints` of route.yaml."""

    needs_retrieval: bool | None = None
    reasoning_effort: ReasoningEffort | None = None


class RouteFile(Section):
    """route.yaml."""

    description: str = ""
    threshold: Annotated[float | None, BeforeValidator(_threshold)] = None
    fallback_route: str = ""
    specialist: SpecialistSection = SpecialistSection()
    params: dict[str, JsonValue] | None = None
    extract: dict[str, JsonValue] = Field(default_factory=dict)
    params_model: str = ""
    hints: HintsSection = HintsSection()
    stickiness: Stickiness | None = None
    guard: RouteGuardSection = RouteGuardSection()

    @model_validator(mode="after")
    def _params_are_numbers_that_travel(self) -> Self:
        if self.params is not None and not fits_float(self.params):
            raise ValueError("params has a number that is too large for a float")
        return self


class LimitsSection(Section):
    """`limits` of taxonomy.yaml."""

    max_query_bytes: Annotated[int, Field(ge=1, le=2**20)] = 32_768


class TaxonomyFile(Section):
    """taxonomy.yaml."""

    default_route: str = DEFAULT_ROUTE
    min_confidence: Fraction = 0.75
    margin: Fraction = 0.0
    stickiness: Stickiness = 0.0
    language: str = "en"
    limits: LimitsSection = LimitsSection()
    hierarchy: HierarchySection | None = None
    plans: PlansSection | None = None
    guard: GuardSection | None = None
    tenants: dict[str, TenantSection] = Field(default_factory=dict)
    sensitivity: SensitivitySection | None = None
    escalation: EscalationSection | None = None


class ModelSection(Section):
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
    features: tuple[Feature, ...] = ()
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    breaker: BreakerSection = BreakerSection()
    warm_up_after_seconds: Seconds = 0.0
    quality: NonNegativeFloat = 0.0


class WordsFile(Section):
    """words.yaml: lists of words that extractors name, by the value that they stand for."""

    words: dict[str, dict[str, tuple[str, ...] | None]] = Field(default_factory=dict)


class FleetFile(Section):
    """fleet.yaml."""

    models: dict[str, ModelSection] = Field(default_factory=dict)
    shadows: dict[str, ShadowSection] = Field(default_factory=dict)
