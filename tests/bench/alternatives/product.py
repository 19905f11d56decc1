"""Waypost's own score, and what is left of it when parts are taken away."""

from collections.abc import Mapping

import numpy as np

from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.evidence import score_routes
from waypost_server.core.head import STRENGTH, fit_head
from waypost_server.core.softmax import Floats, fit_softmax


def head_logits(trial: Trial) -> Floats:
    """Of the product's head, on unit and inner vectors, shape (queries, routes)."""
    own = trial.exemplars
    head = fit_head(own.encodings, own.routes, trial.routes, dimension=trial.dimension)
    return head.logits(trial.queries.encodings)[0]


def with_similarity(trial: Trial, logits: Scores) -> Floats:
    """Such logits with the product's similarity added."""
    scores = score_routes(logits.astype(np.float32), trial.similarities, trial.sizes)
    return scores.score


def with_and_without(trial: Trial, logits: Scores) -> Mapping[str, Scores]:
    """Both, as settings of an alternative to the head."""
    return {"alone": logits, "with similarity": with_similarity(trial, logits)}


def waypost(trial: Trial) -> Mapping[str, Scores]:
    """What the product ranks by."""
    return {"": with_similarity(trial, head_logits(trial))}


def without_similarity(trial: Trial) -> Mapping[str, Scores]:
    """Its head alone."""
    return {"": head_logits(trial)}


def plain_head(trial: Trial) -> Mapping[str, Scores]:
    """Logistic regression on the unit vector alone."""
    exemplars, queries = trial.units()
    fitted = fit_softmax(exemplars, trial.exemplars.routes, trial.routes, strength=STRENGTH)
    return {"": fitted(queries)}
