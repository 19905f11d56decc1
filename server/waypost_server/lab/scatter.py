"""Exemplars and queries as points of a plane that keeps as much of their distances as it can."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Vectors
from waypost_server.lab.columns import Doubles
from waypost_server.lab.judged import Judged

Kind = Literal["exemplar", "right", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An exemplar, or a query that was taken rightly or wrongly.

    Attributes:
        kind: which of them.
        label: its route, or "oos".
        called: what it was taken for; the same for an exemplar.
        text: its text.
        x: first coordinate, in [0, 1].
        y: second coordinate, in [0, 1].
    """

    kind: Kind
    label: str
    called: str
    text: str
    x: float
    y: float


def scatter(
    judged: Sequence[Judged], vectors: Vectors, exemplars: ExemplarTable, known: Vectors
) -> tuple[Point, ...]:
    """The points, exemplars first and mistakes last.

    Args:
        judged: the queries.
        vectors: their unit vectors, shape (n, dimension).
        exemplars: the table.
        known: the exemplars' unit vectors, row for row, shape (m, dimension).
    """
    places = principal_plane(np.concatenate([known, vectors]))
    labels = [exemplars.routes[i] for i in exemplars.route_ids]
    rows: list[tuple[Kind, str, str, str]] = [
        ("exemplar", label, label, text)
        for label, text in zip(labels, exemplars.texts, strict=True)
    ]
    for row in judged:
        kind: Kind = "right" if row.is_right else "wrong"
        rows.append((kind, row.query.label, row.called, row.query.text))
    points = [
        Point(kind=kind, label=label, called=called, text=text, x=float(x), y=float(y))
        for (kind, label, called, text), (x, y) in zip(rows, places, strict=True)
    ]
    return tuple(sorted(points, key=lambda point: point.kind == "wrong"))


def principal_plane(vectors: Vectors) -> Doubles:
    """The two first principal components (Pearson 1901), each scaled to [0, 1], shape (n, 2).

    From the covariance, whose size is that of the vectors however many there are. The sign of an
    axis is free: here the largest coefficient is positive, so that equal input looks the same.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.T @ centred, hermitian=True)
    axes = axes[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, np.newaxis]
    places = centred @ axes.T
    low, high = places.min(axis=0), places.max(axis=0)
    scaled: Doubles = (places - low) / np.where(high - low > 1e-12, high - low, 1.0)
    return scaled
