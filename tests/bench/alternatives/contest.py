"""All alternatives on one trial, each at the setting that does best there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.bench.alternatives.discriminant import head_and_lda, lda
from tests.bench.alternatives.hierarchy import by_group
from tests.bench.alternatives.product import plain_head, waypost, without_similarity
from tests.bench.alternatives.prototypes import centroid, mixture, nearest
from tests.bench.alternatives.ridge import ridge
from tests.bench.alternatives.smoothing import smoothed_head
from tests.bench.alternatives.static import static_beside
from tests.bench.alternatives.trials import Scores, Trial
from tests.bench.alternatives.words import words_beside
from waypost_server.lab.gain import mcnemar

Alternative = Callable[[Trial], Mapping[str, Scores]]
"""Scores by name of the setting; none where it cannot be tried."""

ALTERNATIVES: Mapping[str, Alternative] = {
    "Nearest exemplar": nearest,
    "Centroid": centroid,
    "Centroid and 3 nearest": mixture,
    "Plain logistic head": plain_head,
    "Ridge": ridge,
    "LDA": lda,
    "Plain head and words": words_beside,
    "Plain head and static vector": static_beside,
    "Group, then route": by_group,
    "Smoothed labels": smoothed_head,
    "Head mixed with LDA": head_and_lda,
    "Waypost without similarity": without_similarity,
}


@dataclass(frozen=True, slots=True)
class Found:
    """How an alternative did.

    Attributes:
        tried: share of queries whose best route is right, by setting.
        setting: the best of these; empty when there is one only.
        p_value: McNemar's, of that setting against Waypost's score on the same queries.
    """

    tried: Mapping[str, float]
    setting: str
    p_value: float

    @property
    def accuracy(self) -> float:
        """That of the best setting."""
        return self.tried[self.setting]


@dataclass(frozen=True, slots=True)
class Column:
    """What was found on a trial: Waypost's accuracy, and each alternative that could be tried."""

    waypost: float
    found: Mapping[str, Found]


def contest(trial: Trial, alternatives: Mapping[str, Alternative] = ALTERNATIVES) -> Column:
    """Tries all; a setting is chosen on the queries that it is judged by, in its favour."""
    ours = _right(waypost(trial)[""], trial)
    found = {}
    for name, alternative in alternatives.items():
        tried = {s: _right(scores, trial) for s, scores in alternative(trial).items()}
        if tried:
            setting = max(tried, key=lambda s: int(tried[s].sum()))
            theirs = tried[setting]
            p_value = mcnemar(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()))
            accuracies = {s: float(right.mean()) for s, right in tried.items()}
            found[name] = Found(accuracies, setting, p_value)
    return Column(float(ours.mean()), found)


def _right(scores: Scores, trial: Trial) -> npt.NDArray[np.bool_]:
    right: npt.NDArray[np.bool_] = scores.argmax(axis=1) == trial.queries.routes
    return right
