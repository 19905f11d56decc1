"""What must hold of policies and shadows across files; a check yields problems and their cure."""

import re
from collections.abc import Iterator

from waypost_server.adapters.policy_schema import ChecksSection
from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.core.policy import Pattern, Pick

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_policy(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """Problems of one route's policy."""
    yield from _check_speculative(route, source)
    yield from _check_cascade(route)
    yield from _check_parallel(route)
    yield from _check_confidence(route, source)
    judge = route.section.specialist.checks.judge
    if judge:
        yield from _check_model(
            source, judge.model, route, "specialist", "checks", "judge", "model"
        )


def check_models(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """Models that a route names and nobody knows."""
    for i, model in enumerate(route.section.specialist.models):
        yield from _check_model(source, model, route, "specialist", "models", i)


def check_shadows(source: FolderSource) -> Iterator[str]:
    """Problems of fleet.yaml's shadows."""
    names = {route.name for route in source.routes} | {source.taxonomy.default_route}
    for name, shadow in source.fleet.shadows.items():
        if not _NAME.fullmatch(name):
            yield source.fleet_file.problem(
                ["shadows", name],
                f"shadow {name[:80]!r}: a shadow is named with 1 to 64 letters, digits, - and _; "
                "rename it",
            )
        if not (shadow.models or shadow.prompt or shadow.router):
            yield source.fleet_file.problem(
                ["shadows", name],
                f"shadow {name!r} changes nothing; give it models, a prompt or a router, or "
                "remove it",
            )
        for i, model in enumerate(shadow.models):
            yield from _check_model(source, model, None, "shadows", name, "models", i)
        for i, route in enumerate(shadow.routes):
            if route not in names and source.taxonomy_known:
                yield source.fleet_file.problem(
                    ["shadows", name, "routes", i],
                    f"route {route!r} does not exist; name one of {', '.join(sorted(names))}",
                )


def _check_model(
    source: FolderSource, model: str, route: RouteSource | None, *location: str | int
) -> Iterator[str]:
    """Whether the fleet has the model that stands at `location` of route.yaml or fleet.yaml."""
    known = source.fleet.models
    if source.fleet_known and model not in known:
        file = route.file if route else source.fleet_file
        yield file.problem(
            location,
            f"model {model!r} is not in {source.fleet_file.path.name}, which has "
            f"{', '.join(sorted(known)) or 'none'}; add it there or name another",
        )


def _check_speculative(route: RouteSource, source: FolderSource) -> Iterator[str]:
    default, specialist = source.taxonomy.default_route, route.section.specialist
    if specialist.speculative and not specialist.idempotent:
        yield route.file.problem(
            ["specialist", "speculative"],
            "speculative is true and idempotent false, but a head start is a call that may be "
            "made for nothing; remove one of the two",
        )
    if specialist.speculative and source.taxonomy_known and route.name != default:
        yield route.file.problem(
            ["specialist", "speculative"],
            f"speculative is for the default route, {default!r}, alone: where else a query goes is "
            "not known before it is decided; remove the line",
        )


def _check_cascade(route: RouteSource) -> Iterator[str]:
    specialist = route.section.specialist
    if specialist.pattern is Pattern.CASCADE and specialist.checks == ChecksSection():
        yield route.file.problem(
            ["specialist", "pattern"],
            "pattern is cascade, but nothing is checked, so the first answer always stands; add "
            "checks, or write failover",
        )


def _check_parallel(route: RouteSource) -> Iterator[str]:
    specialist = route.section.specialist
    if specialist.pattern is not Pattern.PARALLEL:
        return
    if not specialist.idempotent:
        yield route.file.problem(
            ["specialist", "pattern"],
            "pattern is parallel and idempotent false, but several models at once have their "
            "effects several times; write failover, or remove idempotent",
        )
    count, width = len(set(specialist.models)), specialist.parallel.width
    if count < width:
        yield route.file.problem(
            ["specialist", "pattern"],
            f"pattern is parallel with {width} models at once, but the specialist has {count}; "
            "name more, or write failover",
        )
    if specialist.parallel.pick is Pick.JUDGE and specialist.checks.judge is None:
        yield route.file.problem(
            ["specialist", "parallel", "pick"],
            "pick is judge, but there is none; add checks.judge, or write first or confidence",
        )


def _check_confidence(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """Whether any model can say how sure it is, where that is asked for."""
    specialist, fleet = route.section.specialist, source.fleet.models
    picks = specialist.pattern is Pattern.PARALLEL and specialist.parallel.pick is Pick.CONFIDENCE
    known = [fleet[name] for name in specialist.models if name in fleet]
    if not known or any("logprobs" in model.features for model in known):
        return
    if picks:
        yield route.file.problem(
            ["specialist", "parallel", "pick"],
            "pick is confidence, but no model of the specialist has the feature logprobs, without "
            "which it says nothing of its confidence; add it in fleet.yaml where it is true, or "
            "write first or judge",
        )
    if specialist.checks.min_confidence:
        yield route.file.problem(
            ["specialist", "checks", "min_confidence"],
            "min_confidence is set, but no model of the specialist has the feature logprobs, "
            "without which no answer passes; add it in fleet.yaml where it is true, or remove the "
            "line",
        )
