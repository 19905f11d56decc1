"""What speaks for each route, as numbers; the same for one query and for the many of a fit."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]

NEAREST_IN_ROUTE = 3
"""Exemplars of a route whose mean similarity speaks for it: one alone may be a stray."""

NEAREST_IN_ALL = 5
"""Exemplars whose mean similarity says whether the query is near anything at all."""

SHORTLIST = 8
"""Routes that the head likes best, among whose exemplars these are sought: with 8 or more, figures
are the same as with all (validation, three sets), with 5 more strangers slip through."""

OUTSIDE_WEIGHT = 0.5
"""How much the head's logit of out of scope counts against a route's: of CLINC150's strangers at
one point of in-scope loss it finds 80 to 90%, without the class 74 to 87%, with 1 76 to 88%."""

SIMILARITY_WEIGHT = 2.0
"""Logits that a similarity of 1 adds: helps where exemplars are few, else hardly matters."""


@dataclass(frozen=True, slots=True)
class RouteScores:
    """For n queries and R routes, arrays of shape (n, R) but for the last.

    Attributes:
        score: what routes are ranked by.
        logit: what the head says.
        similarity: cosine of the nearest exemplar.
        closeness: mean cosine of the `NEAREST_IN_ROUTE` nearest exemplars, or of all if fewer.
        surroundings: mean cosine of the `NEAREST_IN_ALL` nearest exemplars of the `SHORTLIST`
            routes with the largest logits, (n,).
    """

    score: Floats
    logit: Floats
    similarity: Floats
    closeness: Floats
    surroundings: Floats

    def weighted(self, weight: float) -> "RouteScores":
        """The same with scores in which a closeness of 1 adds `weight` logits."""
        return replace(self, score=self.logit + np.float32(weight) * self.closeness)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What calibration reads of n queries, arrays of shape (n,).

    Attributes:
        route: position of the best route.
        lead: its score's lead over the second best; `NO_RIVAL` when there is none.
        closeness: its closeness.
        logit: its logit, less what the head sees of anything out of scope.
        surroundings: as in `RouteScores`.
    """

    route: Ids
    lead: Floats
    closeness: Floats
    logit: Floats
    surroundings: Floats


COSINES = 1 << 24
"""Cosines of many queries that are looked at at a time: 64 MB."""

NO_RIVAL = np.float32(10.0)
"""The lead of an only route: as large as any lead seen."""


def blocks(queries: int, exemplars: int) -> list[slice]:
    """Rows of queries whose cosines with so many exemplars fit into memory at a time."""
    height = max(1, COSINES // max(1, exemplars))
    return [slice(start, start + height) for start in range(0, queries, height)]


def score_routes(
    logits: Floats, similarities: Floats, sizes: Ids, *, weight: float = SIMILARITY_WEIGHT
) -> RouteScores:
    """Scores of R routes.

    Args:
        logits: of the head, shape (n, R).
        similarities: cosines of the routes' exemplars, side by side, shape (n, sum of sizes).
            -1 for an exemplar that must not count.
        sizes: how many exemplars each route has, at least 1, shape (R,).
        weight: logits that a closeness of 1 adds.
    """
    nearest, closeness = near_and_close(similarities, sizes)
    return RouteScores(
        score=(logits + np.float32(weight) * closeness).astype(np.float32),
        logit=logits,
        similarity=nearest,
        closeness=closeness,
        surroundings=mean_of_largest(_among_liked(logits, similarities, sizes), NEAREST_IN_ALL),
    )


def _among_liked(logits: Floats, similarities: Floats, sizes: Ids) -> Floats:
    """The similarities of the routes that the head likes, side by side; filled up with -1."""
    if logits.shape[1] <= SHORTLIST:
        return similarities
    least = np.partition(logits, -SHORTLIST, axis=1)[:, [-SHORTLIST]]
    liked = np.repeat(logits >= least, sizes, axis=1)
    counts = liked.sum(axis=1, keepdims=True)
    width = int(counts.max(initial=SHORTLIST))
    among = np.full((len(logits), width), -1, dtype=np.float32)
    among[np.arange(width) < counts] = similarities[liked]
    return among


def near_and_close(similarities: Floats, sizes: Ids) -> tuple[Floats, Floats]:
    """`similarity` and `closeness` as in `RouteScores`, of what is given to `score_routes`."""
    starts = np.cumsum(sizes) - sizes
    nearest = np.maximum.reduceat(similarities, starts, axis=1)
    total, largest, left = nearest.copy(), nearest, similarities
    for rank in range(1, NEAREST_IN_ROUTE):
        # Takes the largest of each route away; a duplicate goes with it and so counts once.
        left = np.where(left == np.repeat(largest, sizes, axis=1), -1, left)
        largest = np.maximum.reduceat(left, starts, axis=1)
        total += np.where(largest > -1, largest, total / rank)
    return nearest, (total / NEAREST_IN_ROUTE).astype(np.float32)


def gather_evidence(scores: RouteScores, outside: Floats | None) -> Evidence:
    """The evidence for each query's best route.

    Args:
        scores: of the routes.
        outside: the head's logit of its class for out of scope, shape (n,), if it has one.
    """
    rows = np.arange(len(scores.score))
    best = scores.score.argmax(axis=1).astype(np.int32)
    logit = scores.logit[rows, best]
    if outside is not None:
        logit = logit - np.float32(OUTSIDE_WEIGHT) * outside
    return Evidence(
        route=best,
        lead=lead(scores.score),
        closeness=scores.closeness[rows, best],
        logit=logit,
        surroundings=scores.surroundings,
    )


def mean_of_largest(values: Floats, k: int) -> Floats:
    """Mean of the k largest of each row, or of all when there are fewer; shape (n,)."""
    k = min(k, values.shape[1])
    largest = np.partition(values, values.shape[1] - k, axis=1)[:, -k:]
    means: Floats = largest.mean(axis=1, dtype=np.float32)
    return means


def lead(score: Floats) -> Floats:
    """The best route's lead over the second, `NO_RIVAL` at most, of scores of shape (n, R)."""
    if score.shape[1] < 2:
        return np.full(len(score), NO_RIVAL)
    two = np.partition(score, score.shape[1] - 2, axis=1)[:, -2:]
    leads: Floats = np.minimum(two[:, 1] - two[:, 0], NO_RIVAL)
    return leads
