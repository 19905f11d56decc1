"""How near a query must come to a route's exemplars to be its own."""

import numpy as np
import numpy.typing as npt

from waypost_server.core.crossfit import HeldOut

THRESHOLD_QUANTILE = 0.02
"""Share of rightly routed queries that an automatic threshold may turn away."""

THRESHOLD_PRIOR = 20
"""Queries that a route needs for its threshold to be more its own than what it is drawn to."""

DEFAULT_THRESHOLD = 0.30
"""Where nothing can be held out: unrelated sentences seldom come closer (shipped encoder)."""

Doubles = npt.NDArray[np.float64]


def fit_thresholds(held_out: HeldOut | None, routes: int) -> Doubles:
    """Per route the cosine that all but a few rightly routed held-out exemplars reach, shape (R,).

    A route with few of them is drawn to what holds for all routes together.
    """
    if held_out is None or not held_out.right.any():
        return np.full(routes, DEFAULT_THRESHOLD)
    common = np.quantile(held_out.similarity[held_out.right], THRESHOLD_QUANTILE)
    return refit_thresholds(held_out, np.full(routes, common))


def refit_thresholds(held_out: HeldOut, before: Doubles) -> Doubles:
    """Draws thresholds from `before`, shape (R,), to what the rightly routed queries reach."""
    similarity, labels = held_out.similarity[held_out.right], held_out.labels[held_out.right]
    thresholds = before.copy()
    for route in np.unique(labels):
        own = similarity[labels == route]
        quantile = float(np.quantile(own, THRESHOLD_QUANTILE))
        share = len(own) / (len(own) + THRESHOLD_PRIOR)
        thresholds[route] = share * quantile + (1 - share) * before[route]
    rounded: Doubles = np.round(thresholds, 4)
    return rounded
