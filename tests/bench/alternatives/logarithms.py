"""Probabilities as their logarithms."""

import numpy as np

from tests.bench.alternatives.trials import Scores


def log_softmax(logits: Scores) -> Scores:
    """Logarithms of probabilities, which sum to one in each row; float64, shape as given."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found: Scores = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
