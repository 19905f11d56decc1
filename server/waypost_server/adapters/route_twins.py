"""Sentences that stand in two routes: a build takes them, and each teaches against the other."""

import sys
from collections.abc import Sequence

from waypost_server.adapters.exemplar_file import find_example_file, read_numbered
from waypost_server.adapters.route_source import RouteSource
from waypost_server.core.exemplars import folded


def note_twins(routes: Sequence[RouteSource]) -> tuple[str, ...]:
    """One sentence about them, with the files and lines of the first two; nothing without any."""
    first_of: dict[str, RouteSource] = {}
    twins: list[tuple[str, RouteSource]] = []
    for route in routes:
        for text in dict.fromkeys(map(folded, route.exemplars)):
            if first_of.setdefault(text, route) is not route:
                twins.append((text, route))
    if not twins:
        return ()
    text, route = twins[0]
    more = f" (and {len(twins) - 1} more: `waypost doctor` names them)" if len(twins) > 1 else ""
    return (
        f"{_place(first_of[text], text)} and {_place(route, text)} are one sentence in two routes; "
        f"keep it in the one that should answer it{more}",
    )


def _place(route: RouteSource, wanted: str) -> str:
    path = find_example_file(route.folder, "exemplars")
    assert path is not None  # noqa: S101  (it was read)
    numbered = read_numbered(path, max_text_bytes=sys.maxsize)
    return f"{path}:{next(line for line, text in numbered if folded(text) == wanted)}"
