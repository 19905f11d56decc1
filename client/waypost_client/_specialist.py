"""Whom to call for a route, and how. `contract.proto` explains each field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from waypost_client._policy import Breaker, DispatchPolicy, ShadowCandidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model to call; the key is in the environment variable `api_key_env`, if that is named.

    Attributes:
        name: its name in the fleet.
        provider: wire protocol, "openai" or "anthropic".
        model_id: the provider's own name of it.
        base_url: where it listens; empty for the provider's public endpoint.
        api_key_env: name of the variable with the key; empty when no key is needed.
        context_window_tokens: tokens of input and output together; 0 for unknown.
        usd_per_mtok_in: US dollars per million input tokens; 0 for free or unknown.
        usd_per_mtok_out: US dollars per million output tokens; 0 for free or unknown.
        tags: labels that policies refer to.
        features: what its endpoint can do beyond chat: "tools", "json_schema", "logprobs".
        retries: further calls after a passing failure.
        breaker: when to stop calling it.
        warm_up_after_ms: idle time after which it may be kept warm; 0 for never.
    """

    name: str
    provider: str
    model_id: str
    base_url: str
    api_key_env: str
    context_window_tokens: int
    usd_per_mtok_in: float
    usd_per_mtok_out: float
    tags: tuple[str, ...]
    features: frozenset[str] = frozenset()
    retries: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    warm_up_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class ExcludedModel:
    """A model that may not be called now."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to sample; None and 0 are the model's default."""

    temperature: float | None
    top_p: float | None
    max_output_tokens: int
    stop: tuple[str, ...]
    seed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait, in milliseconds; 0 is no limit.

    Attributes:
        total_ms: for the whole answer.
        first_token_ms: for the first token of a stream.
        connect_ms: for a connection.
        call_ms: for one call of a model; 0 shares the time left among the models left.
    """

    total_ms: int
    first_token_ms: int
    connect_ms: int
    call_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialistRef:
    """Whom to call, models in order of preference, and how."""

    prompt_sha256: str
    models: tuple[Model, ...]
    sampling: Sampling
    timeouts: Timeouts
    excluded_models: tuple[ExcludedModel, ...]
    policy: DispatchPolicy = field(default_factory=DispatchPolicy)
    shadows: tuple[ShadowCandidate, ...] = ()
    helper_models: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """A route's system prompt, models and JSON Schema of parameters.

    Attributes:
        route: the route.
        prompt: None when the caller said that it holds the current one already.
        ref: models, sampling and the prompt's hash.
        params_schema: None when the route takes no parameters.
    """

    route: str
    prompt: str | None
    ref: SpecialistRef
    params_schema: Mapping[str, Any] | None
