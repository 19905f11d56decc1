"""Routes one by one: who is taken for whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.columns import Ints
from waypost_server.lab.judged import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFigures:
    """How well one route is recognised, among all queries.

    Attributes:
        route: its name.
        support: queries that it labels.
        called: queries that were taken for it.
        right: queries that both hold for.
    """

    route: str
    support: int
    called: int
    right: int

    @property
    def precision(self) -> float | None:
        """Share of `called` that are right; None when there are none."""
        return self.right / self.called if self.called else None

    @property
    def recall(self) -> float | None:
        """Share of `support` that are right; None when there are none."""
        return self.right / self.support if self.support else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None when there are neither."""
        either = self.support + self.called
        return 2 * self.right / either if either else None


ROUTE_FIGURES: Mapping[str, Callable[[RouteFigures], float | None]] = {
    "precision": lambda figures: figures.precision,
    "recall": lambda figures: figures.recall,
    "f1": lambda figures: figures.f1,
}
"""The figures of a single route by name; all are better when they are high."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Queries by label (rows) and by what they were taken for (columns).

    Attributes:
        labels: the routes, sorted, and last "oos".
        counts: shape (len(labels), len(labels)).
    """

    labels: tuple[str, ...]
    counts: Ints

    @classmethod
    def of(cls, judged: Sequence[Judged], routes: Sequence[str]) -> "Confusion":
        """Counts judged queries."""
        labels = (*routes, OUT_OF_SCOPE)
        position = {label: i for i, label in enumerate(labels)}
        counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
        for row in judged:
            counts[position[row.query.label], position[row.called]] += 1
        return cls(labels, counts)

    def per_route(self) -> tuple[RouteFigures, ...]:
        """The figures of each route and, last, of "oos" as if it were one."""
        return tuple(
            RouteFigures(
                route=label,
                support=int(self.counts[i].sum()),
                called=int(self.counts[:, i].sum()),
                right=int(self.counts[i, i]),
            )
            for i, label in enumerate(self.labels)
        )

    def worst_pairs(self, limit: int) -> tuple[tuple[str, str, int], ...]:
        """Label, what it was taken for, and how often: the commonest mistakes first."""
        wrong = self.counts * ~np.eye(len(self.labels), dtype=bool)
        order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
        rows, columns = np.unravel_index(order, wrong.shape)
        return tuple(
            (self.labels[i], self.labels[j], int(wrong[i, j]))
            for i, j in zip(rows, columns, strict=True)
            if wrong[i, j]
        )
