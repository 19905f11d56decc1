"""A routes folder, read and found sound, as core's types."""

import json
from collections.abc import Mapping

from waypost_server.adapters.escalation_schema import escalation_of
from waypost_server.adapters.extract_catalog import extractors_of
from waypost_server.adapters.guard_schema import guard_policy, route_guard
from waypost_server.adapters.plans_schema import plans_of
from waypost_server.adapters.policy_schema import (
    BreakerSection,
    ChecksSection,
    PolicySection,
    ShadowSection,
)
from waypost_server.adapters.route_schema import FleetFile, SpecialistSection
from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.adapters.rules_catalog import rules_of
from waypost_server.adapters.tenants_catalog import sensitivity_of, tenants_of
from waypost_server.core.catalog import Catalog, Hints, Model, Route, Specialist, Taxonomy
from waypost_server.core.hierarchy import Hierarchy
from waypost_server.core.policy import Breaker, Checks, Guard, Judge, Parallel, Policy, Shadow


def catalog_of(source: FolderSource) -> Catalog:
    """All that the folder configures."""
    taxonomy = source.taxonomy
    routes = {route.name: _route(route, source) for route in source.routes}
    routes.setdefault(taxonomy.default_route, Route(name=taxonomy.default_route))
    return Catalog(
        taxonomy=Taxonomy(
            default_route=taxonomy.default_route,
            min_confidence=taxonomy.min_confidence,
            margin=taxonomy.margin,
            stickiness=taxonomy.stickiness,
            language=taxonomy.language,
            max_query_bytes=taxonomy.limits.max_query_bytes,
            hierarchy=_hierarchy(source),
            plans=plans_of(taxonomy.plans),
            guard=guard_policy(taxonomy.guard),
            tenants=tenants_of(taxonomy.tenants),
            sensitivity=sensitivity_of(taxonomy.sensitivity),
            escalation=escalation_of(taxonomy.escalation),
        ),
        routes=dict(sorted(routes.items())),
        models=_models(source.fleet),
        shadows=_shadows(source.fleet.shadows, source.shadow_prompts),
        rules=rules_of(source.rules),
    )


def _hierarchy(source: FolderSource) -> Hierarchy | None:
    section = source.taxonomy.hierarchy
    if section is None:
        return None
    defaults = {group.name: group.section.default_route for group in source.groups}
    return Hierarchy(beams=section.beams, default_routes=defaults)


def _route(source: RouteSource, folder: FolderSource) -> Route:
    section = source.section
    return Route(
        name=source.name,
        description=section.description,
        threshold=section.threshold,
        fallback_route=section.fallback_route,
        specialist=_specialist(section.specialist, source.prompt),
        params_schema=section.params,
        extract=extractors_of(source, folder.words),
        params_model=section.params_model,
        hints=Hints(**dict(section.hints)),
        stickiness=section.stickiness,
        marks={text: hints for text, (_, hints) in sorted(source.marks.items())},
        guard=route_guard(section.guard),
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
            quality=model.quality,
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
