"""What the router would have said of each exemplar had it not known it.

Exemplars are held out a fold at a time, a head is fitted on the rest, and the held-out ones are
scored like queries. Nothing that is fitted on the results has then seen its own examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from waypost_server.core.arrays import join
from waypost_server.core.evidence import Evidence, blocks, gather_evidence, score_routes
from waypost_server.core.head import Head, Negatives, fit_head
from waypost_server.core.sampling import ranks
from waypost_server.core.side_by_side import side_by_side
from waypost_server.core.softmax import Floats, Labels

SMALL = 1_000
"""Up to so many exemplars, folds are cheap and a tenth is held out at a time, else a fifth: the
more is left to know, the nearer is the result to what the whole will do."""

ENOUGH = 3_000
"""Held-out exemplars after which more folds would only cost time; of very many exemplars, a fold is
no larger."""

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Exemplars seen as queries.

    Attributes:
        evidence: about each of n held-out exemplars.
        right: whether the best route was their own, shape (n,).
        similarity: cosine of each one's own route's nearest exemplar, shape (n,).
        labels: their own route, shape (n,).
    """

    evidence: Evidence
    right: npt.NDArray[np.bool_]
    similarity: Floats
    labels: Labels


def hold_out(
    inputs: Floats,
    labels: Labels,
    routes: int,
    *,
    dimension: int,
    negatives: Negatives | None = None,
    first_of: Rows | None = None,
) -> HeldOut | None:
    """Cross-fits; None when no exemplar can be held out.

    Args:
        inputs: encodings, the unit vector and then the inner one, shape (n, dimension + inner).
        labels: route ids, `routes` for out of scope, in ascending order, shape (n,).
        routes: how many routes there are.
        dimension: length of the unit vector.
        negatives: texts that do not belong to a route; like those of out of scope they only teach.
        first_of: for each row the first one of its class with the same text, shape (n,), if some
            have the same: held out, a text must not be known by its copy.
    """
    in_scope = labels < routes
    folds = 10 if len(labels) <= SMALL else max(5, int(in_scope.sum()) // ENOUGH)
    # Examples of out of scope only ever teach.
    fold_of = np.where(in_scope, split_folds(labels, folds, first_of), -1)
    sizes = np.bincount(fold_of[fold_of >= 0], minlength=folds)
    before = np.cumsum(sizes) - sizes
    taught = side_by_side(
        [
            partial(
                _teach,
                inputs,
                labels,
                routes,
                held=fold_of == fold,
                dimension=dimension,
                negatives=negatives,
            )
            for fold in np.flatnonzero((sizes > 0) & (before < ENOUGH))
        ]
    )
    return _examine(taught) if taught else None


def split_folds(labels: Labels, folds: int, first_of: Rows | None = None) -> Labels:
    """The fold of each example: classes spread evenly; -1 for the only text of its class.

    An only text cannot be held out: nothing would be left to recognise it by.

    Args:
        labels: the class of each, shape (n,).
        folds: how many.
        first_of: as for `hold_out`.
    """
    everyone = np.arange(len(labels))
    first, copy_of = np.unique(everyone if first_of is None else first_of, return_inverse=True)
    own = labels[first]
    alone = np.bincount(own)[own] == 1
    fold_of: Labels = np.where(alone, -1, spread_over(own, folds))[copy_of].astype(np.int32)
    return fold_of


def spread_over(labels: Labels, folds: int) -> Labels:
    """A fold for each example, so that every class is spread evenly over them, shape (n,)."""
    rank, _ = ranks(labels)
    # Classes begin at folds of their own: small ones must not all fall into the first.
    return (rank + labels) % np.int32(folds)


def one_fold(
    inputs: Floats,
    labels: Labels,
    routes: int,
    *,
    held: npt.NDArray[np.bool_],
    dimension: int,
    negatives: Negatives | None = None,
) -> HeldOut:
    """Holds out the exemplars in `held`, shape (n,), at once; the rest as for `hold_out`."""
    return _examine(
        [_teach(inputs, labels, routes, held=held, dimension=dimension, negatives=negatives)]
    )


@dataclass(frozen=True, slots=True)
class _Fold:
    """Who knows some exemplars, and those that were held out.

    Attributes:
        head: fitted without them.
        units: unit vectors of the known ones, shape (known, dimension).
        sizes: how many of each route are known, shape (routes,).
        queries: encodings of the held-out ones, shape (held, width).
        own: their routes, shape (held,).
    """

    head: Head
    units: Floats
    sizes: Labels
    queries: Floats
    own: Labels


def _teach(
    inputs: Floats,
    labels: Labels,
    routes: int,
    *,
    held: npt.NDArray[np.bool_],
    dimension: int,
    negatives: Negatives | None = None,
) -> _Fold:
    queries = inputs[held]
    head = fit_head(
        inputs,
        labels,
        routes,
        dimension=dimension,
        negatives=negatives.unlike(queries) if negatives else None,
        known=np.flatnonzero(~held),
    )
    known = np.flatnonzero(~held & (labels < routes))
    sizes = np.bincount(labels[known], minlength=routes).astype(np.int32)
    return _Fold(head, inputs[known, :dimension], sizes, queries, labels[held])


def _examine(folds: Sequence[_Fold]) -> HeldOut:
    """What is said of all that was held out, fold by fold."""
    return join(
        side_by_side(
            [
                partial(_ask, fold, rows)
                for fold in folds
                for rows in blocks(len(fold.own), len(fold.units))
            ]
        )
    )


def _ask(fold: _Fold, rows: slice) -> HeldOut:
    """What is said of some of a fold's queries by those who know the others."""
    queries, own = fold.queries[rows], fold.own[rows]
    logits, outside = fold.head.logits(queries)
    scores = score_routes(logits, queries[:, : fold.units.shape[1]] @ fold.units.T, fold.sizes)
    evidence = gather_evidence(scores, outside)
    return HeldOut(
        evidence=evidence,
        right=evidence.route == own,
        similarity=scores.similarity[np.arange(len(own)), own],
        labels=own,
    )
