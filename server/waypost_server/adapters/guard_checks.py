"""What must hold of the guard across the files of a routes folder; a check yields problems."""

from collections.abc import Iterator
from typing import Literal

from waypost_server.adapters.guard_schema import GuardSection, KindsSection
from waypost_server.adapters.route_source import FolderSource, RouteSource

KINDS = ("prompt_injection", "jailbreak", "personal_data", "secret", "route_manipulation")


def check_guard(source: FolderSource) -> Iterator[str]:
    """Every problem with the guard."""
    guard = source.taxonomy.guard
    names = {route.name for route in source.routes} | {source.taxonomy.default_route}
    if guard is not None:
        yield from _check_restricted_route(source, guard, names)
        yield from _check_local(source, guard)
    for route in source.routes:
        yield from _check_route(source, guard, route)
        yield from _check_head_start(source, guard, route)


def _check_route(
    source: FolderSource, guard: GuardSection | None, route: RouteSource
) -> Iterator[str]:
    configured = [(name, kind) for name, kind in route.section.guard if kind is not None]
    if configured and guard is None:
        yield route.file.problem(
            ["guard"],
            "guard says what to do about findings in this route's queries, but taxonomy.yaml has "
            "no guard that would look for them; add a section guard there",
        )
        return
    fleet, named = source.fleet.models, route.section.specialist.models
    models = [fleet[name] for name in named if name in fleet] or list(fleet.values())
    for name, kind in configured:
        if getattr(guard, name) is None:
            yield route.file.problem(
                ["guard", name],
                f"guard.{name} is about findings that the guard of taxonomy.yaml does not look "
                f"for; add `{name}: {{flag: low}}` there",
            )
        if kind.local != "never" and not any("local" in model.tags for model in models):
            yield route.file.problem(
                ["guard", name, "local"],
                f"guard.{name}.local lets only local models see a query, and none of this route's "
                "has the tag `local`; give it to one in fleet.yaml, or write never",
            )


def _check_head_start(
    source: FolderSource, guard: GuardSection | None, route: RouteSource
) -> Iterator[str]:
    """A head start sends a query to a model before the guard has looked at it."""
    if guard is None or not route.section.specialist.speculative:
        return
    own = (route.file.path.name, ["guard"], route.section.guard)
    all_kinds = [(source.taxonomy_file.path.name, *one) for one in _all_kinds(guard)]
    keeps = next(
        (
            f"{'.'.join([*where, name, what])} of {file}"
            for file, where, kinds in (*all_kinds, own)
            for name, kind in kinds
            for what in _KEEPS
            if name in KINDS and kind is not None and getattr(kind, what) != "never"
        ),
        None,
    )
    if keeps:
        yield route.file.problem(
            ["specialist", "speculative"],
            "speculative sends queries to a model before the guard has looked at them, and "
            f"{keeps} may keep them from it; remove the line, or write never there",
        )


_KEEPS = ("refuse", "send", "local")
"""What must not happen too late."""


def _check_restricted_route(
    source: FolderSource, guard: GuardSection, names: set[str]
) -> Iterator[str]:
    restricted = guard.restricted_route
    if restricted and restricted not in names:
        yield source.taxonomy_file.problem(
            ["guard", "restricted_route"],
            f"guard.restricted_route is {restricted!r}, which does not exist; "
            f"name one of {', '.join(sorted(names))}",
        )
    if not restricted:
        yield from _refuse(
            source,
            guard,
            "send",
            "says to send queries to the restricted route, and there is none; name it in "
            "guard.restricted_route",
        )


def _check_local(source: FolderSource, guard: GuardSection) -> Iterator[str]:
    has_local = any("local" in model.tags for model in source.fleet.models.values())
    if has_local or not source.fleet_known:
        return
    yield from _refuse(
        source,
        guard,
        "local",
        "lets only local models see a query, and no model of fleet.yaml has the tag `local`; give "
        "it to one, or write never",
    )


def _refuse(
    source: FolderSource, guard: GuardSection, action: Literal["send", "local"], why: str
) -> Iterator[str]:
    """Says of each kind that has this action what is wrong with it."""
    for where, kinds in _all_kinds(guard):
        for name in KINDS:
            kind = getattr(kinds, name)
            if kind is not None and getattr(kind, action) != "never":
                place = [*where, name, action]
                yield source.taxonomy_file.problem(place, f"{'.'.join(place)} {why}")


def _all_kinds(guard: GuardSection) -> Iterator[tuple[list[str], KindsSection]]:
    yield ["guard"], guard
    for tenant, kinds in guard.tenants.items():
        yield ["guard", "tenants", tenant], kinds
