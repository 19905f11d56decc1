"""The figures of an evaluation: what each is called, what it means, and how it is computed.

Every figure is a function of the columns and of weights, so that a thousand resamples are computed
at once. Where there is nothing to divide by, it is NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from waypost_server.lab.columns import Columns, Doubles, Ints, Mask, Weights

BINS = 15
"""Bins of the calibration error, as in the published figures that ours are compared with."""

LOSS = 0.01
"""In-scope accuracy that may be given up to recognise what is out of scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure in [0, 1].

    Attributes:
        meaning: what it is, in one line.
        high_is_better: or low.
        compute: its value in each resample, shape (B,), of columns and weights.
    """

    meaning: str
    high_is_better: bool = True
    compute: Callable[[Columns, Weights], Doubles]


def auroc(columns: Columns, weights: Weights) -> Doubles:
    """How often an in-scope query has a higher confidence than an out-of-scope one.

    The area under the ROC curve as the statistic of Mann and Whitney (1947); a tie counts half.
    """
    starts = _ties(columns.confidence)
    inside = np.add.reduceat(weights * columns.in_scope, starts, axis=1)
    outside = np.add.reduceat(weights * ~columns.in_scope, starts, axis=1)
    below = outside.cumsum(axis=1) - outside / 2
    return _ratio((inside * below).sum(axis=1), inside.sum(axis=1) * outside.sum(axis=1))


def oos_recall_at_loss(columns: Columns, weights: Weights) -> Doubles:
    """Out-of-scope queries below the highest confidence bar that costs at most `LOSS`.

    A bar costs the in-scope queries below it whose best candidate is right. Queries of equal
    confidence are on one side of it.
    """
    starts = _ties(columns.confidence)
    lost = np.add.reduceat(weights * (columns.in_scope & columns.best_right), starts, axis=1)
    found = np.add.reduceat(weights * ~columns.in_scope, starts, axis=1)
    allowed = LOSS * weights @ columns.in_scope
    affordable = lost.cumsum(axis=1) <= allowed[:, np.newaxis] + 1e-9
    return _ratio((found * affordable).sum(axis=1), found.sum(axis=1))


def calibration_error(columns: Columns, weights: Weights, among: Mask) -> Doubles:
    """Expected calibration error of the confidences of the queries in `among`.

    The mean gap between confidence and accuracy over `BINS` bins of equally many queries (Nixon et
    al. 2019, "Measuring Calibration in Deep Learning": equal mass, not equal width). An
    out-of-scope query's best candidate is never right.
    """
    gap = (columns.confidence - columns.best_right)[among]
    copies = weights[:, among].astype(np.int64)
    size = int(copies[0].sum())  # the same in every resample
    if size == 0:
        return np.full(len(weights), np.nan)
    rows = np.repeat(np.tile(gap, len(copies)), copies.ravel()).reshape(len(copies), size)
    sums = np.hstack([np.zeros((len(rows), 1)), rows.cumsum(axis=1)])
    error: Doubles = np.abs(np.diff(sums[:, bin_edges(size)], axis=1)).sum(axis=1) / size
    return error


def bin_edges(size: int) -> Ints:
    """Where `BINS` bins of equally many of `size` sorted queries begin and end."""
    return np.arange(BINS + 1, dtype=np.int64) * size // BINS


def macro_f1(columns: Columns, weights: Weights) -> Doubles:
    """Mean F1 of the routes that label a query, all queries counted."""
    labels, calls = (_one_hot(of, columns.routes) for of in (columns.label, columns.called))
    support, called = weights @ labels, weights @ calls
    f1 = 2 * (weights @ (labels * calls)) / np.maximum(support + called, 1)
    return _ratio(f1.sum(axis=1, where=support > 0), (support > 0).sum(axis=1))


def _share(
    of: Callable[[Columns], Mask], among: Callable[[Columns], Mask]
) -> Callable[[Columns, Weights], Doubles]:
    def compute(columns: Columns, weights: Weights) -> Doubles:
        part, whole = of(columns) & among(columns), among(columns)
        return _ratio(weights @ part, weights @ whole)

    return compute


def _ratio(part: Doubles, whole: Doubles | Ints) -> Doubles:
    ratio: Doubles = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _ties(rising: Doubles) -> Ints:
    """Where each group of equal values begins."""
    return np.flatnonzero(np.diff(rising, prepend=-np.inf) > 0)


def _one_hot(positions: Ints, width: int) -> Doubles:
    return np.equal.outer(positions, np.arange(width)).astype(np.float64)


def _inside(columns: Columns) -> Mask:
    return columns.in_scope


def _outside(columns: Columns) -> Mask:
    return ~columns.in_scope


FIGURES: Mapping[str, Figure] = {
    "accuracy": Figure(
        meaning="in scope: the best candidate is the label",
        compute=_share(lambda c: c.best_right, _inside),
    ),
    "routed_accuracy": Figure(
        meaning="in scope: the query went to the label's route",
        compute=_share(lambda c: c.routed_right, _inside),
    ),
    "macro_f1": Figure(meaning="mean F1 of the routes, all queries counted", compute=macro_f1),
    "coverage": Figure(
        meaning="in scope: confidence is at least min_confidence",
        compute=_share(lambda c: c.sure, _inside),
    ),
    "coverage_accuracy": Figure(
        meaning="of these: the best candidate is the label",
        compute=_share(lambda c: c.best_right, lambda c: c.in_scope & c.sure),
    ),
    "fallback_rate": Figure(
        meaning="in scope: fell back to the default route",
        high_is_better=False,
        compute=_share(lambda c: c.fell_back, _inside),
    ),
    "scope_loss": Figure(
        meaning="in scope: taken for out of scope",
        high_is_better=False,
        compute=_share(lambda c: c.called_oos, _inside),
    ),
    "oos_recall": Figure(
        meaning="out of scope: recognised as such",
        compute=_share(lambda c: c.called_oos, _outside),
    ),
    "oos_turned_away": Figure(
        meaning="out of scope: recognised or fell back",
        compute=_share(lambda c: c.called_oos | c.fell_back, _outside),
    ),
    "oos_recall_at_loss": Figure(
        meaning="out of scope: below the bar that costs 1 point of accuracy",
        compute=oos_recall_at_loss,
    ),
    "auroc": Figure(meaning="confidence is higher in scope than out of scope", compute=auroc),
    "ece": Figure(
        meaning=f"in scope: calibration error, {BINS} equal-mass bins",
        high_is_better=False,
        compute=lambda c, w: calibration_error(c, w, c.in_scope),
    ),
    "ece_all": Figure(
        meaning="likewise of all queries; out of scope counts as wrong",
        high_is_better=False,
        compute=lambda c, w: calibration_error(c, w, np.ones_like(c.in_scope)),
    ),
}
"""By name, in the order in which they are shown."""
