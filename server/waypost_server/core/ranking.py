"""The routes that come nearest to a query, with the confidence that each is right."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.evidence import Floats, gather_evidence, score_routes
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, ExemplarIndex, Vectors
from waypost_server.core.scoring import Scoring

Logits = tuple[Floats, Floats | None]
"""Of the routes, shape (1, R), and of out of scope, shape (1,), if known."""

NEAREST_SHOWN = 3
"""Exemplars of a candidate that can be named."""


@dataclass(frozen=True, slots=True)
class NearestExemplar:
    """An exemplar near the query, and its cosine in [-1, 1]."""

    text: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route that was considered.

    Attributes:
        route: its name.
        score: what candidates are ranked by; comparable within one query only.
        confidence: probability in [0, 1] that it is the right route.
        similarity: cosine of the query and the route's nearest exemplar.
        threshold: what similarity has to reach.
        nearest: the route's nearest exemplars, nearest first; at least one.
    """

    route: str
    score: float
    confidence: float
    similarity: float
    threshold: float
    nearest: tuple[NearestExemplar, ...]

    @property
    def reaches_threshold(self) -> bool:
        """Whether the query is near enough to this route."""
        return self.similarity >= self.threshold


@dataclass(frozen=True, slots=True)
class Ranking:
    """The routes that came nearest.

    Attributes:
        candidates: best first.
        scope_probability: that the query belongs to any route, in [0, 1].
        calibrated: whether confidences are probabilities.
        best_not_allowed: whether the best route of all may not be a candidate.
    """

    candidates: tuple[Candidate, ...]
    scope_probability: float
    calibrated: bool
    best_not_allowed: bool = False


def rank_routes(
    encoding: Encodings,
    route_ids: Sequence[int],
    *,
    scoring: Scoring,
    exemplars: ExemplarTable,
    index: ExemplarIndex,
    allowed: Collection[str],
    count: int,
    logits: Logits | None = None,
) -> Ranking:
    """The best of some routes for one query.

    Args:
        encoding: of the query, shape (width,).
        route_ids: positions of the routes to compare, ascending; may be none.
        scoring: what was fitted.
        exemplars: the table.
        index: has the exemplars' unit vectors, row for row.
        allowed: routes that may be candidates; empty for all. The others still speak: to forbid
            the right route makes no other right.
        count: candidates to return, at least 2 of them if there are so many.
        logits: what the head says of the query, if it was asked already.
    """
    if not len(route_ids):
        return Ranking((), 0.0, calibrated=False)
    unit = encoding[: index.dimension]
    everything = len(route_ids) == len(exemplars.routes)
    ids: slice | npt.NDArray[np.intp] = slice(None) if everything else np.asarray(route_ids)
    similarities = (
        index.rows(slice(None)) @ unit
        if everything
        else np.concatenate([index.rows(exemplars.rows_of(i)) @ unit for i in route_ids])
    )
    of_routes, outside = logits or scoring.head.logits(encoding[np.newaxis])
    sizes = exemplars.sizes[ids]
    scores = score_routes(
        of_routes[:, ids], similarities[np.newaxis], sizes, weight=scoring.similarity_weight
    )
    evidence = gather_evidence(scores, outside)
    score = scores.score[0]
    order = np.argsort(-score, kind="stable")
    calibration = scoring.calibration
    in_scope = calibration.scope_probability(evidence)
    scope = float(in_scope[0])
    confidence = float(calibration.confidence_given(in_scope, evidence)[0])
    confidences = _share_out(score[order], confidence, scope)
    best = exemplars.routes[route_ids[order[0]]]
    wanted = max(2, count)
    places = range(len(order)) if allowed else range(min(wanted, len(order)))
    ranked = [
        (int(order[place]), float(confidences[place]))
        for place in places
        if not allowed or exemplars.routes[route_ids[order[place]]] in allowed
    ]
    ends = np.cumsum(sizes)
    return Ranking(
        candidates=tuple(
            _candidate(
                route_ids[i],
                similarities[ends[i] - sizes[i] : ends[i]],
                exemplars,
                scoring,
                float(score[i]),
                share,
            )
            for i, share in ranked[:wanted]
        ),
        scope_probability=scope,
        best_not_allowed=bool(allowed) and best not in allowed,
        calibrated=scoring.calibration.method is not CalibrationMethod.NONE,
    )


def _share_out(
    scores: npt.NDArray[np.float32], confidence: float, scope: float
) -> npt.NDArray[np.float64]:
    """Confidences by falling score: what the best leaves goes to the others by softmax."""
    powers = np.exp((scores[1:] - scores[0]).astype(np.float64))
    rest = (1 - confidence) * scope * powers / max(float(powers.sum()), 1e-300)
    # A worse score never has the higher confidence, even if the calibration doubts the best.
    shares: npt.NDArray[np.float64] = np.concatenate([[confidence], rest])
    return np.minimum(shares, confidence)


def _candidate(
    route_id: int,
    similarities: Vectors,
    exemplars: ExemplarTable,
    scoring: Scoring,
    score: float,
    confidence: float,
) -> Candidate:
    route = exemplars.routes[route_id]
    start = exemplars.rows_of(route_id).start
    nearest = np.argsort(-similarities, kind="stable")[:NEAREST_SHOWN]
    return Candidate(
        route=route,
        score=score,
        confidence=confidence,
        similarity=float(similarities[nearest[0]]),
        threshold=scoring.thresholds[route],
        nearest=tuple(
            NearestExemplar(exemplars.texts[start + i], float(similarities[i])) for i in nearest
        ),
    )
