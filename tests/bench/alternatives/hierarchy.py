"""First the group, then the route within it: p(group) * p(route | group).

Source: Koller and Sahami, Hierarchically classifying documents using very few words (1997).
"""

from collections.abc import Mapping

import numpy as np

from tests.bench.alternatives.logarithms import log_softmax
from tests.bench.alternatives.product import with_and_without
from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.head import STRENGTH
from waypost_server.core.softmax import Floats, Labels, fit_softmax


def by_group(trial: Trial) -> Mapping[str, Scores]:
    """Log-probabilities of the routes; no settings where routes have no groups."""
    if trial.groups is None:
        return {}
    exemplars, queries = trial.both()
    found = hierarchical(exemplars, trial.exemplars.routes, queries, trial.groups)
    return with_and_without(trial, found)


def hierarchical(x: Floats, labels: Labels, queries: Floats, groups: Labels) -> Scores:
    """Log-probabilities by one logistic head for the groups and one for the routes of each.

    Args:
        x: inputs, shape (n, inputs).
        labels: their routes, each with an input at least, shape (n,).
        queries: shape (m, inputs).
        groups: the group of each route, from 0 on, shape (routes,).
    """
    of_groups = _log_probabilities(x, groups[labels], queries, int(groups.max()) + 1)
    found: Scores = of_groups[:, groups]
    for group in range(of_groups.shape[1]):
        routes = np.flatnonzero(groups == group)
        rows = np.flatnonzero(groups[labels] == group)
        within = np.searchsorted(routes, labels[rows]).astype(np.int32)
        found[:, routes] += _log_probabilities(x[rows], within, queries, len(routes))
    return found


def _log_probabilities(x: Floats, labels: Labels, queries: Floats, classes: int) -> Scores:
    if classes == 1:
        return np.zeros((len(queries), 1))
    return log_softmax(fit_softmax(x, labels, classes, strength=STRENGTH)(queries))
