"""A routes folder, read and found sound, as core's types."""

import json
from collections.abc import Mapping

from waypost_server.adapters.policy_schema import (
    BreakerSection,
    ChecksSection,
    PolicySection,
    ShadowSection,
)
from waypost_server.adapters.route_schema import FleetFile, SpecialistSection
from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.core.catalog import Catalog, Hints, Model, Route, Specialist, Taxonomy
from waypost_server.core.policy import Breaker, Checks, Guard, Judge, Parallel, Policy, Shadow


def catalog_of(source: FolderSource) -> Catalog:
    """All that the folder configures."""
    taxonomy = source.taxonomy
    routes = {route.name: _route(route) for route in source.routes}
    routes.setdefault(taxonomy.default_route, Route(name=taxonomy.default_route))
    return Catalog(
        taxonomy=Taxonomy(
            default_route=taxonomy.default_route,
            min_confidence=taxonomy.min_confidence,
            margin=taxonomy.margin,
            language=taxonomy.language,
            max_query_bytes=taxonomy.limits.max_query_bytes,
        ),
        routes=dict(sorted(routes.items())),
        models=_models(source.fleet),
        shadows=_shadows(source.fleet.shadows, source.shadow_prompts),
    )


def _route(source: RouteSource) -> Route:
    section = source.section
    return Route(
        name=source.name,
        description=section.description,
        threshold=section.threshold,
        fallback_route=section.fallback_route,
        specialist=_specialist(section.specialist, source.prompt),
        params_schema=section.params,
        hints=Hints(**dict(section.hints)),
    )


def _specialist(section: SpecialistSection, prompt: str) -> Specialist:
    own = {name: value for name, value in section if name not in PolicySection.model_fields}
    return Specialist(prompt=prompt, policy=_policy(section), **own)


def _policy(section: PolicySection) -> Policy:
    return Policy(
        pattern=section.pattern,
        max_calls=section.max_calls,
        idempotent=section.idempotent,
        speculative=section.speculative,
        parallel=Parallel(**dict(section.parallel)),
        checks=_checks(section.checks),
        guard=Guard(**dict(section.guard)),
    )


def _checks(section: ChecksSection) -> Checks:
    schema = section.json_schema
    return Checks(
        json_schema=""
        if schema is None
        else json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        regex=section.regex,
        min_confidence=section.min_confidence,
        judge=Judge(**dict(section.judge)) if section.judge else None,
    )


def _models(fleet: FleetFile) -> dict[str, Model]:
    return {
        name: Model(
            name=name,
            provider=model.provider,
            model_id=model.model,
            base_url=model.base_url,
            api_key_env=model.api_key_env,
            context_window_tokens=model.context_window or 0,
            usd_per_mtok_in=model.usd_per_mtok_in,
            usd_per_mtok_out=model.usd_per_mtok_out,
            tags=model.tags,
            enabled=model.enabled,
            features=model.features,
            retries=model.retries,
            breaker=_breaker(model.breaker),
            warm_up_after_ms=_milliseconds(model.warm_up_after_seconds),
        )
        for name, model in sorted(fleet.models.items())
    }


def _breaker(section: BreakerSection) -> Breaker:
    return Breaker(failures=section.failures, open_ms=_milliseconds(section.open_seconds))


def _shadows(
    sections: Mapping[str, ShadowSection], prompts: Mapping[str, str]
) -> dict[str, Shadow]:
    return {
        name: Shadow(
            name=name,
            share=section.share,
            routes=section.routes,
            models=section.models,
            prompt=prompts.get(name, ""),
            router=section.router,
        )
        for name, section in sorted(sections.items())
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
