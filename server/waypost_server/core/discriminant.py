"""Linear discriminant analysis in closed form: a map for more classes than can be fitted in steps.

Sources: Fisher, The use of multiple measurements in taxonomic problems (1936); shrinkage to a
multiple of the identity as in Ledoit and Wolf (2004), but by a given share.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.softmax import Floats, Labels, LinearMap

SHRINKAGE = 0.1
"""Share of the covariance that is a multiple of the identity: the best on validation of 0.1 to 0.8
with all exemplars of BANKING77, HWU64 and CLINC150 and with 10 a route of CLINC150. The other two
have fewer than 800 then and like 0.5 better; but so few are never so many that this is used."""

SURENESS = 0.05
"""What log-densities count: texts are far from normal, and so much makes the log-odds about as sure
as they are right on those validation splits (0.05 to 0.1)."""

HEIGHT = 16_384
"""Examples looked at a time: 50 MB of encodings."""


@dataclass(frozen=True, slots=True)
class _Moments:
    """Sums over the examples: of each class, shape (classes, inputs), and of their squares."""

    counts: npt.NDArray[np.float64]
    sums: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]


def fit_discriminant(
    read: Callable[[slice], Floats],
    labels: Labels,
    classes: int,
    inputs: int,
    *,
    height: int = HEIGHT,
) -> LinearMap:
    """Log-densities under each class, less what all classes share; classes are equally likely.

    Args:
        read: gives some of n inputs, shape (k, inputs): they may be more than memory holds twice.
        labels: the class of each, each class with an example at least, shape (n,).
        classes: how many classes.
        inputs: length of an input.
        height: how many inputs to read at a time.
    """
    moments = _add_up(read, labels, classes, inputs, height)
    means = moments.sums / moments.counts[:, np.newaxis]
    covariance = (moments.squares - moments.sums.T @ means) / len(labels)
    level = float(np.trace(covariance)) / inputs
    shrunken = (1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(inputs)
    weights = np.linalg.solve(shrunken, SURENESS * means.T)
    bias = -(means * weights.T).sum(axis=1) / 2
    return LinearMap(weights.astype(np.float32), bias.astype(np.float32))


def _add_up(
    read: Callable[[slice], Floats], labels: Labels, classes: int, inputs: int, height: int
) -> _Moments:
    sums, squares = np.zeros((classes, inputs)), np.zeros((inputs, inputs))
    for start in range(0, len(labels), height):
        rows = slice(start, start + height)
        x, own = read(rows), labels[rows]
        order = np.argsort(own, kind="stable")
        present, starts = np.unique(own[order], return_index=True)
        sums[present] += np.add.reduceat(x[order], starts, axis=0, dtype=np.float64)
        squares += x.T @ x
    return _Moments(np.bincount(labels, minlength=classes).astype(np.float64), sums, squares)
