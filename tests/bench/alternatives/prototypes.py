"""Cosines alone: to the nearest exemplar, to a route's mean, and to a mixture of mean and nearest.

Sources: Cover and Hart, Nearest neighbor pattern classification (1967); Snell, Swersky and Zemel,
Prototypical networks for few-shot learning (2017).
"""

from collections.abc import Mapping

import numpy as np

from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.evidence import RouteScores, score_routes
from waypost_server.core.softmax import Floats

CENTROID_WEIGHTS = (0.2, 0.4, 0.6, 0.8)


def nearest(trial: Trial) -> Mapping[str, Scores]:
    """Cosine of each route's nearest exemplar."""
    return {"": _neighbours(trial).similarity}


def centroid(trial: Trial) -> Mapping[str, Scores]:
    """Cosine of each route's mean vector."""
    return {"": _centroid_cosines(trial)}


def mixture(trial: Trial) -> Mapping[str, Scores]:
    """A weighted mean of the centroid's cosine and of the mean cosine of the 3 nearest."""
    means, closeness = _centroid_cosines(trial), _neighbours(trial).closeness
    return {
        f"centroid x {weight}": weight * means + (1 - weight) * closeness
        for weight in CENTROID_WEIGHTS
    }


def _neighbours(trial: Trial) -> RouteScores:
    nothing = np.zeros((len(trial.queries.texts), trial.routes), dtype=np.float32)
    return score_routes(nothing, trial.similarities, trial.sizes)


def _centroid_cosines(trial: Trial) -> Floats:
    exemplars, queries = trial.units()
    starts = np.cumsum(trial.sizes) - trial.sizes
    sums = np.add.reduceat(exemplars, starts, axis=0)
    cosines: Floats = queries @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    return cosines
