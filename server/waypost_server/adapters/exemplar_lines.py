"""`exemplars.jsonl`: a line an exemplar, in the order of the index.

Checked when a bundle is loaded, and left on disk: a text is read when a decision names it.
"""

import json
import mmap
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from waypost_server.core.errors import BundleError
from waypost_server.core.exemplars import ExemplarTable


class StoredTexts(Sequence[str]):
    """The texts of a file, read from it one by one."""

    def __init__(self, lines: mmap.mmap | bytes, starts: npt.NDArray[np.int64]) -> None:
        """Texts in `lines`, each from its start to the next; the last start is the file's end."""
        self._lines = lines
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, wanted: int) -> str: ...
    @overload
    def __getitem__(self, wanted: slice) -> tuple[str, ...]: ...
    def __getitem__(self, wanted: int | slice) -> str | tuple[str, ...]:
        if isinstance(wanted, slice):
            return tuple(self._text(row) for row in range(len(self))[wanted])
        return self._text(range(len(self))[wanted])

    def _text(self, row: int) -> str:
        text: str = from_json(self._lines[self._starts[row] : self._starts[row + 1]])["text"]
        return text


def write_exemplars(table: ExemplarTable) -> bytes:
    """The file's content."""
    routes = (table.routes[route_id] for route_id in table.route_ids)
    return jsonl(
        {"route": route, "text": text} for route, text in zip(routes, table.texts, strict=True)
    )


def read_exemplars(path: Path, *, negative_counts: Mapping[str, int]) -> ExemplarTable:
    """What `write_exemplars` wrote; raises BundleError that names the first bad line."""
    starts, counts, last = array("q", [0]), array("i"), ""
    routes: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            route = _route(line, f"{path}: line {number}")
            if not routes or route != last:
                if routes and route < last:
                    raise BundleError(
                        f"{path}: line {number}: route {route[:40]!r} comes after {last[:40]!r}, "
                        "but routes are sorted; build again"
                    )
                routes.append(route)
                counts.append(0)
                last = route
            counts[-1] += 1
            starts.append(starts[-1] + len(line))
        # An empty file cannot be mapped.
        lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if counts else b""
    return ExemplarTable(
        routes=tuple(routes),
        texts=StoredTexts(lines, np.array(starts, dtype=np.int64)),
        sizes=np.array(counts, dtype=np.int32),
        negative_counts=negative_counts,
    )


def _route(line: bytes, where: str) -> str:
    """The route that a line names, once all of the line is found good."""
    try:
        row = from_json(line, cache_strings="keys")
    except ValueError as error:
        raise BundleError(f"{where}: {error}; build again") from None
    route, text = (row.get("route"), row.get("text")) if type(row) is dict else (None, None)
    if type(route) is not str or type(text) is not str:
        raise BundleError(f"{where}: it lacks a route or a text; build again")
    return route


def jsonl(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as lines of JSON."""
    encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make one a row
    return "".join(encode(row) + "\n" for row in rows).encode()
