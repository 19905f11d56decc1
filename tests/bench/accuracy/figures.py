"""The figures of `waypost eval`, for any router: peers are judged by the product's own ruler."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from waypost_server.lab.bootstrap import RESAMPLES, Measured, measure
from waypost_server.lab.columns import Columns, Mask
from waypost_server.lab.figures import FIGURES, bin_edges

Floats = npt.NDArray[np.floating]
Figures = Mapping[str, Measured | None]

SEED = 20_251
CONFIDENT = 0.75
"""The product's own least confidence."""


def figures(
    names: Iterable[str],
    *,
    score: Floats,
    right: Mask,
    strangers: int = 0,
    called_oos: Mask | None = None,
    matched: Mask | None = None,
) -> Figures:
    """Figures by name, with their intervals.

    Args:
        names: keys of the lab's FIGURES; those that look at routes one by one are not for here.
        score: of each query, strangers last, shape (n,); the confidence where a figure reads it.
        right: whether the best route is right, shape (n,); that of a stranger never is.
        strangers: how many of the queries belong to no route.
        called_oos: whether the outcome is OUT_OF_SCOPE, shape (n,); None: never.
        matched: whether the query goes to its best route, shape (n,); None: always.
    """
    count = len(score)
    called_oos = np.zeros(count, dtype=bool) if called_oos is None else called_oos
    matched = np.ones(count, dtype=bool) if matched is None else matched
    # Equal scores in any order but the file's: that goes route by route, and the bins of ECE, cut
    # through them, would differ in accuracy by nothing that the score could know.
    order = np.lexsort([np.random.default_rng(SEED).random(count), score])
    right = right & (np.arange(count) < count - strangers)
    columns = Columns(
        confidence=score[order].astype(np.float64),
        sure=score[order] >= CONFIDENT,
        in_scope=order < count - strangers,
        best_right=right[order],
        routed_right=(right & matched)[order],
        fell_back=(~matched & ~called_oos)[order],
        called_oos=called_oos[order],
        label=np.zeros(count, dtype=np.int64),
        called=np.zeros(count, dtype=np.int64),
        routes=1,
    )
    return measure(columns, {name: FIGURES[name].compute for name in names}, seed=SEED)


def error_by_chance(confidence: Floats) -> float:
    """Mean ECE of perfectly calibrated confidences: among few queries, bins differ by chance."""
    rising = np.sort(confidence).astype(np.float64)
    right = np.random.default_rng(SEED).random((RESAMPLES, len(rising))) < rising
    sums = np.add.reduceat(rising - right, bin_edges(len(rising))[:-1], axis=1)
    return float(np.abs(sums).sum(axis=1).mean() / len(rising))
