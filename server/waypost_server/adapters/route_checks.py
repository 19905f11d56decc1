"""What must hold across the files of a routes folder; a check yields problems and their cure."""

import re
from collections.abc import Collection, Iterator

from waypost_server.adapters.escalation_checks import check_escalation
from waypost_server.adapters.guard_checks import check_guard
from waypost_server.adapters.hierarchy_checks import check_groups
from waypost_server.adapters.marks_file import MARKS_FILE
from waypost_server.adapters.params_checks import check_params
from waypost_server.adapters.policy_checks import check_models, check_policy, check_shadows
from waypost_server.adapters.regression_checks import check_regression
from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.adapters.rules_checks import check_rules
from waypost_server.adapters.tenants_checks import check_choice, check_tenants

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_folder(source: FolderSource) -> Iterator[str]:
    """Every problem that only several files together can show."""
    yield from _check_default_route(source)
    yield from _check_duplicates(source)
    names = {route.name for route in source.routes} | {source.taxonomy.default_route}
    for route in source.routes:
        yield from _check_name(route)
        yield from _check_exemplars(route, source)
        yield from _check_negatives(route)
        yield from _check_fallback(route, names)
        yield from _check_marks(route)
        yield from check_models(route, source)
        yield from check_policy(route, source)
        yield from check_params(route, source)
        yield from check_choice(route, source)
    yield from check_shadows(source)
    yield from check_guard(source)
    yield from check_tenants(source)
    yield from check_escalation(source)
    yield from check_regression(source.routes)
    yield from check_rules(source)
    yield from check_groups(source)


def _check_default_route(source: FolderSource) -> Iterator[str]:
    names = [route.name for route in source.routes]
    default = source.taxonomy.default_route
    if not names:
        yield (
            f"{source.folder}:1: no route here; "
            "make a folder for each route with a file exemplars.txt in it"
        )
    elif default not in names and not source.implicit_default:
        yield source.taxonomy_file.problem(
            ["default_route"],
            f"default_route is {default!r}, but no folder has that name; "
            f"name one of {', '.join(names)}",
        )


def _check_duplicates(source: FolderSource) -> Iterator[str]:
    seen: dict[str, str] = {}
    for route in source.routes:
        key = route.name.casefold().replace("-", "_")
        if key in seen:
            yield (
                f"{route.folder}:1: duplicate route name: {route.name!r} and {seen[key]!r} differ "
                "only in case or in - and _; rename or merge one of them"
            )
        seen[key] = route.name


def _check_name(route: RouteSource) -> Iterator[str]:
    if not all(_NAME.fullmatch(part) for part in route.name.split("/")):
        yield (
            f"{route.folder}:1: a route's folder is named with 1 to 64 letters, digits, - and _; "
            "rename it, or let its name begin with _ if it is no route"
        )


def _check_exemplars(route: RouteSource, source: FolderSource) -> Iterator[str]:
    may_be_default = route.name == source.taxonomy.default_route or not source.taxonomy_known
    may_be_default |= any(route.name == group.section.default_route for group in source.groups)
    if not route.has_exemplar_file and not may_be_default:
        yield (
            f"{route.folder}:1: the route has no exemplars; add exemplars.txt with one example "
            "query on a line, or let the folder's name begin with _ if it is no route"
        )


def _check_negatives(route: RouteSource) -> Iterator[str]:
    for text in sorted(set(route.exemplars) & set(route.negatives)):
        yield (
            f"{route.folder}:1: {text[:80]!r} is an exemplar and a negative of the same route; "
            "remove one of the two"
        )


def _check_marks(route: RouteSource) -> Iterator[str]:
    known = set(route.exemplars)
    for text, (line, _) in route.marks.items():
        if known and text not in known:
            yield (
                f"{route.folder / MARKS_FILE}:{line}: {text[:80]!r} is no exemplar of the route; "
                "add it there, word for word, or remove the line"
            )


def _check_fallback(route: RouteSource, names: Collection[str]) -> Iterator[str]:
    fallback = route.section.fallback_route
    if fallback == route.name:
        yield route.file.problem(
            ["fallback_route"],
            "fallback_route is the route itself; name another, or remove the line to fall back to "
            "the default route",
        )
    elif fallback and fallback not in names:
        yield route.file.problem(
            ["fallback_route"],
            f"fallback_route is {fallback!r}, which does not exist; "
            f"name one of {', '.join([name for name in sorted(names) if name != route.name][:40])}",
        )
