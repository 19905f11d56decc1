"""Whether tuning on labelled queries pays: every query judged by what was tuned without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from waypost_server.core.bundle import by_hand
from waypost_server.core.crossfit import spread_over
from waypost_server.core.errors import EvaluationError
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encodings
from waypost_server.core.router import Router
from waypost_server.core.scoring import Scoring
from waypost_server.core.tuning import SeenQueries, see_queries, tune
from waypost_server.lab.evaluation import Evaluation, Subject, evaluate
from waypost_server.lab.gain import Gain
from waypost_server.lab.judged import judge
from waypost_server.lab.paired import SENT_RIGHT, gains

FOLDS = 5

FEWEST = 4 * FOLDS
"""Queries in scope below which nothing can be learned from them, let alone shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Before and after, on queries that what judges them has not seen.

    Attributes:
        before: the evaluation of the bundle as it is.
        after: of each query by what was tuned on the other folds.
        gains: what tuning changes, by the names of `paired.FIGURES`.
        old: the scoring as it is.
        new: the scoring that all queries together give.
    """

    before: Evaluation
    after: Evaluation
    gains: Mapping[str, Gain]
    old: Scoring
    new: Scoring

    @property
    def finding(self) -> Literal["gain", "loss", "noise"]:
        """A gain is one figure better beyond noise, and none worse.

        Where queries are sent does not count: that depends on `min_confidence` too, which is not
        tuned. Of confidences that were too high, fewer reach it once they are right.
        """
        counted = [gain for name, gain in self.gains.items() if name != SENT_RIGHT]
        if any(gain.high < 0 for gain in counted):
            return "loss"
        return "gain" if any(gain.low > 0 for gain in counted) else "noise"


def try_tuning(
    router: Router, queries: Sequence[LabelledQuery], encodings: Encodings, subject: Subject
) -> Trial:
    """Cross-validates tuning.

    Args:
        router: what to tune; it must not have seen the queries.
        queries: labelled queries.
        encodings: of the queries, shape (n, width).
        subject: what is evaluated.

    Raises:
        EvaluationError: too few of the queries belong to routes that have exemplars.
    """
    position = {route: i for i, route in enumerate(router.exemplars.routes)}
    # A route without exemplars is recognised by nothing: its queries are strangers to the scoring.
    labels = np.array([position.get(query.label, -1) for query in queries], dtype=np.int32)
    usable = int((labels >= 0).sum())
    if usable < FEWEST:
        raise EvaluationError(
            [
                f"{usable} of {len(queries)} queries belong to routes that have exemplars; "
                f"tuning needs at least {FEWEST}, and some hundreds to show a gain"
            ]
        )
    seen = see_queries(
        encodings,
        labels,
        scoring=router.scoring,
        exemplars=router.exemplars,
        vectors=router.index.vectors,
    )
    before = judge(queries, encodings, router)
    after = list(before)
    fold_of = spread_over(labels + np.int32(1), FOLDS)
    for fold in range(FOLDS):
        held = np.flatnonzero(fold_of == fold).tolist()
        tuned = router.with_scoring(_tuned(router, seen[np.flatnonzero(fold_of != fold)]))
        judged = judge([queries[row] for row in held], encodings[held], tuned)
        for row, then in zip(held, judged, strict=True):
            after[row] = then
    return Trial(
        before=evaluate(before, subject),
        after=evaluate(after, subject),
        gains=gains(before, after),
        old=router.scoring,
        new=_tuned(router, seen),
    )


def _tuned(router: Router, seen: SeenQueries) -> Scoring:
    return tune(router.scoring, seen, router.exemplars, by_hand=by_hand(router.catalog))
