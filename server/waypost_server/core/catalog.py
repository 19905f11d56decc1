"""Routes, specialists and models: what the routes folder says, without its exemplars."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from waypost_server.core.errors import UnknownRouteError, UnknownShadowError
from waypost_server.core.escalation import Escalation
from waypost_server.core.extraction.specs import Extractor
from waypost_server.core.guard_policy import GuardPolicy, RouteGuard
from waypost_server.core.hierarchy import Hierarchy
from waypost_server.core.model_policy import Prefer, Sensitivity, TenantPolicy
from waypost_server.core.plans import Plans
from waypost_server.core.policy import Breaker, Policy, Shadow
from waypost_server.core.rules import Rules

DEFAULT_ROUTE = "default"
"""Name of the implicit default route of a folder without taxonomy.yaml."""


class ReasoningEffort(StrEnum):
    """How much thought a specialist's model should spend."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An LLM endpoint of the fleet.

    Attributes:
        name: its name in fleet.yaml.
        provider: wire protocol, "openai" or "anthropic".
        model_id: the provider's own name of it.
        base_url: where it listens; empty for the provider's public endpoint.
        api_key_env: name of the environment variable with the key; empty when no key is needed.
        context_window_tokens: tokens of input and output together; 0 for unknown.
        usd_per_mtok_in: US dollars per million input tokens.
        usd_per_mtok_out: US dollars per million output tokens.
        tags: labels that policies refer to.
        enabled: whether it may be called.
        features: what its endpoint can do beyond chat: "tools", "json_schema", "logprobs",
            "reasoning".
        retries: further calls after a passing failure, before the next model is tried.
        breaker: when to stop calling it.
        warm_up_after_ms: idle time after which a client may keep it warm; 0 for never.
        quality: how good it is, for who prefers the best: a larger one is better; 0 for unknown.
    """

    name: str
    provider: str
    model_id: str
    base_url: str = ""
    api_key_env: str = ""
    context_window_tokens: int = 0
    usd_per_mtok_in: float = 0.0
    usd_per_mtok_out: float = 0.0
    tags: tuple[str, ...] = ()
    enabled: bool = True
    features: tuple[str, ...] = ()
    retries: int = 1
    breaker: Breaker = field(default_factory=Breaker)
    warm_up_after_ms: int = 0
    quality: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """A route's system prompt and how to call its models; 0 and None: as the model likes.

    Of its models, those are called that have the tags in `requires`, and of these, if any, those
    whose slowest calls keep to `max_latency_ms`, in the order that it prefers.
    """

    prompt: str = ""
    models: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int = 0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    timeout_ms: int = 0
    first_token_timeout_ms: int = 0
    connect_timeout_ms: int = 0
    call_timeout_ms: int = 0
    policy: Policy = field(default_factory=Policy)
    requires: tuple[str, ...] = ()
    max_latency_ms: int = 0
    prefer: Prefer = Prefer.LISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Advice for the specialist's call; None is no advice."""

    needs_retrieval: bool | None = None
    reasoning_effort: ReasoningEffort | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A named destination.

    Attributes:
        name: its folder's path below the routes folder, with "/".
        description: what belongs here, in one sentence.
        threshold: similarity in [-1, 1] that a query must reach; None for automatic.
        fallback_route: where to go when the specialist refuses or fails; empty for the default.
        specialist: who answers.
        params_schema: JSON Schema of the parameters to extract; None when it takes none.
        extract: how parameters are extracted, by name: the first extractor that finds a value that
            fits its schema gives it.
        params_model: model that is asked for required parameters that no extractor found; empty
            for none.
        hints: advice for the specialist's call.
        stickiness: as of the taxonomy, for conversations that were here; None for the taxonomy's.
        marks: advice for queries like an exemplar, by its text.
        guard: what is done about findings in queries that go to it.
    """

    name: str
    description: str = ""
    threshold: float | None = None
    fallback_route: str = ""
    specialist: Specialist = field(default_factory=Specialist)
    params_schema: Mapping[str, Any] | None = None
    extract: Mapping[str, tuple[Extractor, ...]] = field(default_factory=dict)
    params_model: str = ""
    hints: Hints = field(default_factory=Hints)
    stickiness: float | None = None
    marks: Mapping[str, Hints] = field(default_factory=dict)
    guard: RouteGuard = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """Settings of the routes as a whole.

    Attributes:
        default_route: where queries go that no candidate is good enough for.
        min_confidence: calibrated confidence in [0, 1] that a match needs.
        margin: scores closer than this are too close to tell apart; 0 for never.
        language: BCP 47 tag of what users write; of any but English the doctor warns.
        max_query_bytes: longest query, in bytes of UTF-8.
        hierarchy: how nested routes are decided; None for all routes as one list.
        stickiness: factor of the odds that a conversation stays on its route: 1 as fitted, 0 for
            every query by itself.
        plans: which queries may become plans; None for none.
        guard: what the guard does; None where there is none.
        tenants: which models tenants' queries may go to, by name.
        sensitivity: which models queries may go to, by their metadata; None for all.
        escalation: when a language model is asked where a query goes; None for never.
    """

    default_route: str = DEFAULT_ROUTE
    min_confidence: float = 0.75
    margin: float = 0.0
    language: str = "en"
    max_query_bytes: int = 32_768
    hierarchy: Hierarchy | None = None
    stickiness: float = 0.0
    plans: Plans | None = None
    guard: GuardPolicy | None = None
    tenants: Mapping[str, TenantPolicy] = field(default_factory=dict)
    sensitivity: Sensitivity | None = None
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that is configured, sorted by name; `routes` always holds the default route."""

    taxonomy: Taxonomy
    routes: Mapping[str, Route]
    models: Mapping[str, Model] = field(default_factory=dict)
    shadows: Mapping[str, Shadow] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)

    @property
    def default_route(self) -> Route:
        """Where queries go that no candidate is good enough for."""
        return self.routes[self.taxonomy.default_route]

    def route(self, name: str) -> Route:
        """The route called `name`; raises UnknownRouteError when there is none."""
        try:
            return self.routes[name]
        except KeyError:
            raise UnknownRouteError(
                f"no route is called {name!r}; the loaded routes are {', '.join(self.routes)}"
            ) from None

    def can_call(self, route: Route, *, without: Collection[str] = ()) -> bool:
        """Whether one of the models that `route` names is enabled, or it names none.

        Args:
            route: the route.
            without: models that must not be called.
        """
        named = route.specialist.models
        return not named or any(self.models[name].enabled and name not in without for name in named)

    def fallback_of(self, route: Route, *, without: Collection[str] = ()) -> str:
        """Where to go when `route`'s specialist refuses or fails; empty for nowhere else.

        Args:
            route: the route.
            without: routes that must not be named; the default route takes their place.
        """
        fallback = route.fallback_route
        if not fallback or fallback in without:
            fallback = self.taxonomy.default_route
        return "" if fallback == route.name else fallback

    def shadows_of(self, route: Route) -> tuple[Shadow, ...]:
        """What runs beside `route`'s specialist, by name."""
        return tuple(
            shadow
            for shadow in self.shadows.values()
            if not shadow.routes or route.name in shadow.routes
        )

    def shadow_of(self, route: Route, name: str) -> Shadow:
        """The one called `name`; raises UnknownShadowError when there is none."""
        shadows = {shadow.name: shadow for shadow in self.shadows_of(route)}
        try:
            return shadows[name]
        except KeyError:
            raise UnknownShadowError(
                f"no shadow of route {route.name!r} is called {name[:80]!r}; "
                f"it has {', '.join(shadows) or 'none'}"
            ) from None
