"""The product's head with smoothed labels.

Sources: Szegedy et al., Rethinking the Inception architecture (2016), for the labels; Boehning,
Multinomial logistic regression algorithm (1992), for a bound of the Hessian that needs no line
search; O'Donoghue and Candes, Adaptive restart for accelerated gradient schemes (2015).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tests.bench.alternatives.product import with_and_without
from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.head import STRENGTH
from waypost_server.core.softmax import Floats, LinearMap

SMOOTHING = 0.1
MAX_STEPS = 1000
TOLERANCE = 1e-4
"""Largest gradient, relative to the first, at which a fit ends."""

Points = npt.NDArray[np.float64]


def smoothed_head(trial: Trial) -> Mapping[str, Scores]:
    """Logits of a head that is told 0.9 of the right route and 0.1 shared out among all."""
    exemplars, queries = trial.both()
    hard = np.eye(trial.routes)[trial.exemplars.routes]
    targets = (1 - SMOOTHING) * hard + SMOOTHING / trial.routes
    return with_and_without(trial, fit_soft(exemplars, targets, strength=STRENGTH)(queries))


def fit_soft(x: Floats, targets: Points, *, strength: float) -> LinearMap:
    """What `fit_softmax` minimises, for targets that are probabilities.

    Args:
        x: inputs, shape (n, inputs).
        targets: of each input, shape (n, classes); rows sum to one.
        strength: how much the data count against the penalty.
    """
    with_bias = np.hstack([x, np.ones((len(x), 1))])
    penalised = np.ones((with_bias.shape[1], 1))
    penalised[-1] = 0

    def gradient(point: Points) -> Points:
        logits = with_bias @ point
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        errors = powers / powers.sum(axis=1, keepdims=True) - targets
        found: Points = strength * (with_bias.T @ errors) + penalised * point
        return found

    # No class's block of the Hessian exceeds this, so that a full step never goes too far.
    bound = strength / 2 * (with_bias.T @ with_bias) + np.eye(with_bias.shape[1])
    inverse = np.linalg.inv(bound)
    point = ahead = np.zeros((with_bias.shape[1], targets.shape[1]))
    slope = gradient(ahead)
    tolerance, momentum = TOLERANCE * float(np.abs(slope).max()), 1.0
    for _ in range(MAX_STEPS):
        moved = ahead - inverse @ slope
        if float((slope * (moved - point)).sum()) > 0:
            momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / faster * (moved - point)
        point, momentum = moved, faster
        slope = gradient(ahead)
        if float(np.abs(slope).max()) <= tolerance:
            break
    return LinearMap(ahead[:-1].astype(np.float32), ahead[-1].astype(np.float32))
