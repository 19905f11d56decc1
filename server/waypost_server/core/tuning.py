"""What labelled queries add to a scoring that was fitted on exemplars.

The head stays as it is: the queries never teach it, so that they are new to it here as in serving.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from waypost_server.core.arrays import join
from waypost_server.core.calibration import refit_calibration
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.evidence import RouteScores, blocks, gather_evidence, score_routes
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, Vectors
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import Floats, Labels
from waypost_server.core.thresholds import refit_thresholds

WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Weights of similarity to choose from: beyond the last, the head hardly counts any more."""


@dataclass(frozen=True, slots=True)
class SeenQueries:
    """n labelled queries as a router of R routes sees them.

    Attributes:
        scores: of the routes.
        outside: the head's logit of its class for out of scope, shape (n,), if it has one.
        labels: positions of the right routes, -1 for out of scope, shape (n,).
    """

    scores: RouteScores
    outside: Floats | None
    labels: Labels


def see_queries(
    encodings: Encodings,
    labels: Labels,
    *,
    scoring: Scoring,
    exemplars: ExemplarTable,
    vectors: Vectors,
) -> SeenQueries:
    """Looks at queries with every route.

    Args:
        encodings: of the queries, shape (n, width).
        labels: positions of the right routes, -1 for out of scope, shape (n,).
        scoring: what was fitted on exemplars.
        exemplars: the table.
        vectors: the exemplars' unit vectors, row for row, shape (m, dimension).
    """
    logits, outside = scoring.head.logits(encodings)
    parts = [
        score_routes(
            logits[rows],
            encodings[rows, : vectors.shape[1]] @ vectors.T,
            exemplars.sizes,
            weight=scoring.similarity_weight,
        )
        for rows in blocks(len(encodings), len(vectors))
    ]
    return SeenQueries(join(parts), outside, labels)


def tune(
    scoring: Scoring, seen: SeenQueries, exemplars: ExemplarTable, *, by_hand: Mapping[str, float]
) -> Scoring:
    """Chooses the weight of similarity, the calibration and the thresholds anew.

    Args:
        scoring: what the fits are drawn to; it must not have seen the queries.
        seen: labelled queries, at least one of them in scope.
        exemplars: the table.
        by_hand: thresholds that stay, by route.
    """
    weight = _choose_weight(scoring.similarity_weight, seen)
    scores = seen.scores.weighted(weight)
    evidence = gather_evidence(scores, seen.outside)
    in_scope = seen.labels >= 0
    right = evidence.route == seen.labels
    held_out = HeldOut(
        evidence=evidence,
        right=right,
        similarity=scores.similarity[np.arange(len(right)), evidence.route],
        labels=seen.labels,
    )
    before = np.array([scoring.thresholds[route] for route in exemplars.routes])
    after = refit_thresholds(held_out, before)
    return replace(
        scoring,
        similarity_weight=weight,
        calibration=refit_calibration(
            scoring.calibration, evidence, right=right, in_scope=in_scope
        ),
        thresholds={
            route: by_hand.get(route, float(after[i])) for i, route in enumerate(exemplars.routes)
        },
    )


def _choose_weight(before: float, seen: SeenQueries) -> float:
    """The weight with most queries right; the old one unless a new one gains a standard deviation.

    Of d queries whose answer changes, luck alone makes about sqrt(d) more right or wrong.
    """

    def right_with(weight: float) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = (
            seen.scores.weighted(weight).score.argmax(axis=1) == seen.labels
        )
        return right

    now = right_with(before)
    chosen, most = before, int(now.sum())
    for weight in WEIGHTS:
        right = right_with(weight)
        changed = int((right != now).sum())
        if right.sum() > most and right.sum() - now.sum() > np.sqrt(changed):
            chosen, most = weight, int(right.sum())
    return chosen
