"""For every exemplar, the others that are nearest to it: in its own route and in all the others."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from waypost_server.core.evidence import NEAREST_IN_ROUTE, near_and_close
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Vectors

BLOCK = 2**22
"""Cosines in memory at a time, 16 MB: larger blocks are no faster."""

NONE = -1.0
"""The cosine of an exemplar that is not there."""

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NearExemplars:
    """Arrays of shape (n,), a place for each exemplar.

    Attributes:
        own: row of the nearest other exemplar of its own route.
        own_cosine: its cosine; `NONE` for the only exemplar of a route.
        own_closeness: mean cosine of the `NEAREST_IN_ROUTE` nearest others of its own route.
        other: row of the nearest exemplar of any other route.
        other_cosine: its cosine; `NONE` when there is one route only.
        other_closeness: the highest closeness of any other route.
        named: for how many others of its route it is among the `NEAREST_IN_ROUTE` nearest.
    """

    own: Rows
    own_cosine: Floats
    own_closeness: Floats
    other: Rows
    other_cosine: Floats
    other_closeness: Floats
    named: Rows


def find_near(vectors: Vectors, exemplars: ExemplarTable, *, block: int = BLOCK) -> NearExemplars:
    """Compares every exemplar with every other; memory grows with n, not with its square.

    Args:
        vectors: the exemplars' unit vectors, row for row, shape (n, dimension).
        exemplars: the table.
        block: cosines in memory at a time.
    """
    height = max(1, block // max(1, len(vectors)))
    parts = [
        _block(vectors, exemplars, route, slice(start, min(start + height, stop)))
        for route in range(len(exemplars.routes))
        for start, stop in [(exemplars.rows_of(route).start, exemplars.rows_of(route).stop)]
        for start in range(start, stop, height)
    ]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(NearExemplars)
        if field.name != "named"
    }
    named: Rows = np.sum([part.named for part in parts], axis=0, dtype=np.int64)
    return NearExemplars(**columns, named=named)


def _block(vectors: Vectors, exemplars: ExemplarTable, route: int, rows: slice) -> NearExemplars:
    """Some exemplars of one route; `named` counts for all n, but by these alone."""
    every = exemplars.rows_of(route)
    cosines = vectors[rows] @ vectors.T
    here = np.arange(len(cosines))
    cosines[here, here + rows.start] = NONE
    _, closeness = near_and_close(cosines, exemplars.sizes)
    own_closeness = closeness[:, route].copy()
    closeness[:, route] = NONE
    nearest = np.argsort(-cosines[:, every], axis=1, kind="stable")[:, :NEAREST_IN_ROUTE]
    own = nearest[:, 0] + every.start
    own_cosine = cosines[here, own]
    alone = every.stop - every.start - 1
    named = np.bincount(nearest[:, :alone].ravel() + every.start, minlength=len(vectors))
    cosines[:, every] = NONE
    other = cosines.argmax(axis=1)
    return NearExemplars(
        own=own,
        own_cosine=own_cosine,
        own_closeness=own_closeness,
        other=other,
        other_cosine=cosines[here, other],
        other_closeness=closeness.max(axis=1),
        named=named,
    )
