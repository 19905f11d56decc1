"""Some of very many labelled examples, the same at each build."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]
Labels = npt.NDArray[np.int32]


def ranks(labels: Labels) -> tuple[Labels, npt.NDArray[np.int64]]:
    """The place of each example in its class, from 0 on, shape (n,), and how large classes are."""
    counts = np.bincount(labels)
    order = np.argsort(labels, kind="stable")
    rank = np.empty(len(labels), dtype=np.int32)
    rank[order] = np.arange(len(labels)) - (np.cumsum(counts) - counts)[labels[order]]
    return rank, counts


def evenly(labels: Labels, most: int) -> Rows:
    """Rows of at most `most` examples, ascending: as many of each class as it has, or as others.

    Of a class that has more, they are spread over its rows. No class is left without any, even if
    there are more than `most` classes.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    rank, counts = ranks(labels)
    # The largest quota that keeps within `most`.
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(counts, middle).sum()) <= most:
            low = middle
        else:
            high = middle - 1
    kept = np.minimum(counts, low)[labels]
    total = counts[labels]
    # True for exactly `kept` of `total` successive ranks.
    chosen = (rank.astype(np.int64) + 1) * kept // total > rank.astype(np.int64) * kept // total
    return np.flatnonzero(chosen)
