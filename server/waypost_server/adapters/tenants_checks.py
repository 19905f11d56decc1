"""What must hold of tenants, sensitivity and fleet together; a check yields problems and cures."""

from collections.abc import Iterator, Sequence

from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.adapters.tenants_schema import MAX_TENANTS
from waypost_server.core.model_policy import Prefer
from waypost_server.core.query import MAX_ID_BYTES

Place = Sequence[str | int]


def check_tenants(source: FolderSource) -> Iterator[str]:
    """Problems of taxonomy.yaml's tenants and sensitivity."""
    tenants, file = source.taxonomy.tenants, source.taxonomy_file
    if len(tenants) > MAX_TENANTS:
        yield file.problem(
            ["tenants"],
            f"tenants has {len(tenants):,} sections; the limit is {MAX_TENANTS:,}: let those that "
            "are alike share the section default",
        )
    for name, section in tenants.items():
        if not name or len(name.encode()) > MAX_ID_BYTES:
            yield file.problem(
                ["tenants", name],
                f"tenant {name[:80]!r}: a tenant's name has 1 to {MAX_ID_BYTES} bytes; rename it",
            )
        for i, model in enumerate(section.models or ()):
            yield from _check_model(source, model, ["tenants", name, "models", i])
        yield from _check_tags(source, section.requires, ["tenants", name, "requires"])
        if section.prefer is Prefer.BEST:
            yield from _check_quality(source, ["tenants", name, "prefer"])
    sensitivity = source.taxonomy.sensitivity
    if sensitivity:
        for level, tags in sensitivity.levels.items():
            yield from _check_tags(source, tags, ["sensitivity", "levels", level])
        yield from _check_tags(source, sensitivity.unknown or (), ["sensitivity", "unknown"])
        yield from _check_tags(source, sensitivity.unsaid, ["sensitivity", "unsaid"])


def check_choice(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """Problems of what one route says of the choice among its models."""
    specialist, fleet = route.section.specialist, source.fleet.models
    known = [fleet[name] for name in specialist.models if name in fleet]
    for i, tag in enumerate(specialist.requires if known else ()):
        if not any(tag in model.tags for model in known):
            yield route.file.problem(
                ["specialist", "requires", i],
                f"no model of the specialist has the tag {tag!r}, so that none may be called; name "
                "one that has it, or remove the tag",
            )
    if specialist.prefer is Prefer.BEST and known and not any(m.quality for m in known):
        yield route.file.problem(
            ["specialist", "prefer"],
            "prefer is best, but no model of the specialist has a quality in fleet.yaml; add it "
            "there, or write listed or cheapest",
        )
    if specialist.speculative:
        yield from _check_speculative(route, source)


def _check_speculative(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """A head start sends a query before anybody has looked where it may go."""
    tags, taxonomy = set(route.section.specialist.requires), source.taxonomy
    for tenant in taxonomy.tenants.values():
        tags.update(tenant.requires)
    if taxonomy.sensitivity:
        tags.update(*taxonomy.sensitivity.levels.values(), taxonomy.sensitivity.unsaid)
        tags.update(taxonomy.sensitivity.unknown or ())
    for name in route.section.specialist.models:
        model = source.fleet.models.get(name)
        lacks = sorted(tags.difference(model.tags)) if model else []
        barred = [t for t, s in taxonomy.tenants.items() if s.models and name not in s.models]
        if lacks or barred:
            why = f"queries may require the tag {lacks[0]!r}" if lacks else ""
            why = why or f"it is not approved for tenant {barred[0]!r}"
            yield route.file.problem(
                ["specialist", "speculative"],
                f"speculative sends queries to {name!r} before it is known whether they may go "
                f"there, and {why}; remove the line, or the model",
            )


def _check_model(source: FolderSource, model: str, place: Place) -> Iterator[str]:
    known = source.fleet.models
    if source.fleet_known and model not in known:
        yield source.taxonomy_file.problem(
            place,
            f"model {model!r} is not in {source.fleet_file.path.name}, which has "
            f"{', '.join(sorted(known)) or 'none'}; add it there or name another",
        )


def _check_tags(source: FolderSource, tags: Sequence[str], place: Place) -> Iterator[str]:
    known = {tag for model in source.fleet.models.values() for tag in model.tags}
    for i, tag in enumerate(tags):
        if source.fleet_known and tag not in known:
            yield source.taxonomy_file.problem(
                [*place, i],
                f"no model in {source.fleet_file.path.name} has the tag {tag!r}, so that none may "
                f"be called; there are {', '.join(sorted(known)) or 'no tags'}: write one of them, "
                "or give it to a model",
            )


def _check_quality(source: FolderSource, place: Place) -> Iterator[str]:
    if source.fleet_known and not any(m.quality for m in source.fleet.models.values()):
        yield source.taxonomy_file.problem(
            place,
            f"prefer is best, but no model in {source.fleet_file.path.name} has a quality; add it "
            "there, or write listed or cheapest",
        )
