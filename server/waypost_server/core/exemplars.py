"""The exemplars of all routes as one table, row for row with the index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ExemplarTable:
    """Exemplars in index order, the rows of a route side by side.

    Attributes:
        routes: names of the routes that have exemplars, sorted.
        texts: the exemplars, shape (n,).
        route_ids: for each exemplar the position of its route in `routes`, shape (n,), ascending.
        negative_counts: how many negatives each route has, by name.
    """

    routes: tuple[str, ...]
    texts: tuple[str, ...]
    route_ids: npt.NDArray[np.int32]
    negative_counts: Mapping[str, int]

    @classmethod
    def of(
        cls, exemplars: Iterable[tuple[str, str]], *, negative_counts: Mapping[str, int]
    ) -> "ExemplarTable":
        """The table of pairs of route and text; within a route they keep their order."""
        rows = sorted(exemplars, key=lambda row: row[0])
        routes = tuple(sorted({route for route, _ in rows}))
        position = {route: i for i, route in enumerate(routes)}
        return cls(
            routes=routes,
            texts=tuple(text for _, text in rows),
            route_ids=np.array([position[route] for route, _ in rows], dtype=np.int32),
            negative_counts=negative_counts,
        )

    @cached_property
    def sizes(self) -> npt.NDArray[np.int32]:
        """How many exemplars each route has, in the order of `routes`."""
        return np.bincount(self.route_ids, minlength=len(self.routes)).astype(np.int32)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many exemplars each route has, by name."""
        return dict(zip(self.routes, self.sizes.tolist(), strict=True))

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Where each route stands in `routes`, by name."""
        return {route: i for i, route in enumerate(self.routes)}

    def rows_of(self, route_id: int) -> slice:
        """The rows of a route, given by its position in `routes`."""
        return slice(int(self._starts[route_id]), int(self._starts[route_id + 1]))

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.sizes, dtype=np.int64)])
