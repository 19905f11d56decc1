"""Linear discriminant analysis with a shrunken covariance, in closed form.

Sources: Fisher, The use of multiple measurements in taxonomic problems (1936); shrinkage to a
multiple of the identity as in Ledoit and Wolf (2004), but by a given share.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tests.bench.alternatives.logarithms import log_softmax
from tests.bench.alternatives.product import head_logits, with_similarity
from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.softmax import Labels

SHRINKAGES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.95)
MIXED_SHRINKAGE = 0.5
MIXED_WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.5)


def lda(trial: Trial) -> Mapping[str, Scores]:
    """Log-posteriors, for each shrinkage and each kind of input."""
    return {
        f"{kind}, {shrinkage:g}": lda_scores(
            exemplars, trial.exemplars.routes, queries, shrinkage=shrinkage
        )
        for kind, (exemplars, queries) in trial.inputs().items()
        for shrinkage in SHRINKAGES
    }


def head_and_lda(trial: Trial) -> Mapping[str, Scores]:
    """Weighted means of the log-probabilities of LDA and of the head or of the whole score."""
    exemplars, queries = trial.both()
    found = lda_scores(exemplars, trial.exemplars.routes, queries, shrinkage=MIXED_SHRINKAGE)
    by_lda = log_softmax(found)
    logits = head_logits(trial)
    own = {
        "alone": log_softmax(logits),
        "with similarity": log_softmax(with_similarity(trial, logits)),
    }
    return {
        f"{name}, LDA x {weight:g}": weight * by_lda + (1 - weight) * scores
        for name, scores in own.items()
        for weight in MIXED_WEIGHTS
    }


def lda_scores(
    x: npt.NDArray[np.floating],
    labels: Labels,
    queries: npt.NDArray[np.floating],
    *,
    shrinkage: float,
) -> npt.NDArray[np.float64]:
    """Log-densities of queries under each class, less what all classes share; equal priors.

    Args:
        x: inputs, shape (n, inputs).
        labels: classes from 0 on, each with an input at least, shape (n,).
        queries: shape (m, inputs).
        shrinkage: share of the covariance that is a multiple of the identity, in (0, 1].
    """
    x = x.astype(np.float64)
    members = np.eye(labels.max() + 1)[labels]
    means = (members.T @ x) / members.sum(axis=0)[:, np.newaxis]
    within = x - means[labels]
    covariance = within.T @ within / len(x)
    level = np.trace(covariance) / len(covariance)
    shrunken = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    weights = np.linalg.solve(shrunken, means.T)
    scores: npt.NDArray[np.float64] = queries @ weights - (means * weights.T).sum(axis=1) / 2
    return scores
