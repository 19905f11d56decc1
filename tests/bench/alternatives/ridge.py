"""Ridge regression on one-hot targets, in closed form.

Source: Hoerl and Kennard, Ridge regression (1970); as a classifier, Rifkin, Yeo and Poggio,
Regularized least-squares classification (2003).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tests.bench.alternatives.trials import Scores, Trial

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def ridge(trial: Trial) -> Mapping[str, Scores]:
    """The regression's values, for each penalty and each kind of input."""
    targets = np.eye(trial.routes)[trial.exemplars.routes]
    return {
        f"{kind}, {penalty:g}": ridge_values(exemplars, targets, queries, penalty)
        for kind, (exemplars, queries) in trial.inputs().items()
        for penalty in PENALTIES
    }


def ridge_values(
    x: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    queries: npt.NDArray[np.floating],
    penalty: float,
) -> npt.NDArray[np.float64]:
    """What the regression that minimises |error|^2 + penalty * |weights|^2 says of queries.

    Args:
        x: inputs, shape (n, inputs); centred here, so that the intercept has no penalty.
        targets: shape (n, outputs).
        queries: shape (m, inputs).
        penalty: above 0.
    """
    centre, mean = x.mean(axis=0, dtype=np.float64), targets.mean(axis=0)
    centred = x - centre
    normal = centred.T @ centred + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(normal, centred.T @ (targets - mean))
    values: npt.NDArray[np.float64] = (queries - centre) @ weights + mean
    return values
