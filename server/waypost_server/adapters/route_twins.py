"""Sentences that stand in two routes: a build takes them, and each teaches against the other."""

import sys
from collections.abc import Sequence

from waypost_server.adapters.exemplar_file import find_example_file, read_numbered
from waypost_server.adapters.route_source import RouteSource
from waypost_server.core.exemplars import folded, twins


def note_twins(routes: Sequence[RouteSource]) -> tuple[str, ...]:
    """One sentence about them, with the files and lines of the first two; nothing without any."""
    found = twins((route.name, text) for route in routes for text in route.exemplars)
    if not found:
        return ()
    text, names = next(iter(found.items()))
    named = {route.name: route for route in routes}
    first, second = (_place(named[name], text) for name in names[:2])
    more = f" (and {len(found) - 1} more: `waypost doctor` names them)" if len(found) > 1 else ""
    return (
        f"{first} and {second} are one sentence in two routes; keep it in the one that should "
        f"answer it{more}",
    )


def _place(route: RouteSource, wanted: str) -> str:
    path = find_example_file(route.folder, "exemplars")
    assert path is not None  # noqa: S101  (it was read)
    numbered = read_numbered(path, max_text_bytes=sys.maxsize)
    return f"{path}:{next(line for line, text in numbered if folded(text) == wanted)}"
