"""What must hold of groups across the files of a routes folder; each problem names its cure."""

from collections.abc import Iterator

from waypost_server.adapters.route_source import FolderSource, GroupSource
from waypost_server.core.hierarchy import groups_among

RESERVED = frozenset(
    ("exemplars", "negatives", "regression", "route", "specialist", "group", "taxonomy", "fleet")
)
"""Names of a route's own parts and of settings: a folder that is called so was meant to be one."""


def check_groups(source: FolderSource) -> Iterator[str]:
    """Every problem of groups; none are looked for where routes are decided as one list."""
    names = [route.name for route in source.routes]
    groups = groups_among(names)
    if source.taxonomy.hierarchy is None:
        if source.taxonomy_known:
            yield from _check_unused(source)
        return
    if not groups:
        yield source.taxonomy_file.problem(
            ["hierarchy"],
            "hierarchy is set, but no folder holds routes; move routes that belong together into "
            "a folder, or remove the lines",
        )
    for group in source.groups:
        yield from _check_default(group, names, groups)
    for name in sorted({*names, *groups}):
        part = name.rpartition("/")[2]
        if "/" in name and part.casefold() in RESERVED:
            yield (
                f"{source.folder / name}:1: a folder that is called {part!r} makes its parent a "
                "group, but that is the name of a file; rename the folder, or write the file"
            )
    yield from _check_alike(source, names, groups)


def _check_unused(source: FolderSource) -> Iterator[str]:
    for group in source.groups:
        yield (
            f"{group.file.path}:1: group.yaml does nothing without a hierarchy; add "
            "`hierarchy: {beams: 3}` to taxonomy.yaml, or remove the file"
        )


def _check_default(group: GroupSource, names: list[str], groups: frozenset[str]) -> Iterator[str]:
    own = [name for name in names if name == group.name or name.startswith(f"{group.name}/")]
    default = group.section.default_route
    if group.name == ".":
        yield (
            f"{group.file.path}:1: the routes folder itself is no group; write default_route into "
            "taxonomy.yaml, and remove the file"
        )
    elif group.name not in groups:
        yield (
            f"{group.file.path}:1: the group {group.name!r} is empty; make a folder for each of "
            "its routes in it, or remove the file"
        )
    elif default not in own:
        why = "is no route of this group" if default in names else "does not exist"
        yield group.file.problem(
            ["default_route"],
            f"default_route is {default!r}, which {why}; name one of {', '.join(own)}",
        )


def _check_alike(source: FolderSource, names: list[str], groups: frozenset[str]) -> Iterator[str]:
    """Groups whose names are nearly those of others; routes are compared in `route_checks`."""
    seen: dict[str, str] = {}
    for name in sorted({*names, *groups}):
        key = name.casefold().replace("-", "_")
        other = seen.setdefault(key, name)
        if other != name and {name, other} & groups:
            yield (
                f"{source.folder / name}:1: {name!r} and {other!r}, one of them a group, differ "
                "only in case or in - and _; rename or merge one of them"
            )
