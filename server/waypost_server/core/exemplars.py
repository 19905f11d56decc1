"""The exemplars of all routes as one table, row for row with the index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ExemplarTable:
    """Exemplars in index order, the rows of a route side by side.

    Attributes:
        routes: names of the routes that have exemplars, sorted.
        texts: the exemplars, n of them; a bundle's stay on disk and are read one by one.
        sizes: how many exemplars each route has, at least 1, in the order of `routes`.
        negative_counts: how many negatives each route has, by name.
    """

    routes: tuple[str, ...]
    texts: Sequence[str]
    sizes: npt.NDArray[np.int32]
    negative_counts: Mapping[str, int]

    @classmethod
    def of(
        cls, exemplars: Iterable[tuple[str, str]], *, negative_counts: Mapping[str, int]
    ) -> "ExemplarTable":
        """The table of pairs of route and text; within a route they keep their order."""
        rows = sorted(exemplars, key=lambda row: row[0])
        counts: dict[str, int] = {}
        for route, _ in rows:
            counts[route] = counts.get(route, 0) + 1
        return cls(
            routes=tuple(counts),
            texts=tuple(text for _, text in rows),
            sizes=np.array([*counts.values()], dtype=np.int32),
            negative_counts=negative_counts,
        )

    @cached_property
    def route_ids(self) -> npt.NDArray[np.int32]:
        """For each exemplar the position of its route in `routes`, shape (n,), ascending."""
        return np.repeat(np.arange(len(self.routes), dtype=np.int32), self.sizes)

    @property
    def first_of(self) -> npt.NDArray[np.intp]:
        """For each exemplar the row of its route's first with the same words, shape (n,)."""
        return first_of(self.route_ids, self.texts)

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


def first_of(labels: npt.NDArray[np.int32], texts: Sequence[str]) -> npt.NDArray[np.intp]:
    """For each text the row of the first of its class with the same words, shape (n,).

    Case and white space make no difference: to most encoders they make none either.
    """
    known: dict[tuple[int, str], int] = {}
    rows = np.empty(len(texts), dtype=np.intp)
    for row, (own, text) in enumerate(zip(labels.tolist(), texts, strict=True)):
        rows[row] = known.setdefault((own, folded(text)), row)
    return rows


def twins(exemplars: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """The sentences that more than one route has, folded, each with those routes in their order.

    Args:
        exemplars: pairs of route and text.
    """
    first: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for route, text in exemplars:
        sentence = folded(text)
        if first.setdefault(sentence, route) != route:
            routes = found.setdefault(sentence, [first[sentence]])
            if route not in routes:
                routes.append(route)
    return found


def folded(text: str) -> str:
    """The text without what two spellings of one sentence differ in."""
    return " ".join(text.casefold().split())
