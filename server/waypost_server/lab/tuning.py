"""Whether tuning on labelled queries pays: every query judged by what was tuned without it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from waypost_server.core.arrays import take
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
from waypost_server.lab.judged import Decider, Judged, judge
from waypost_server.lab.paired import ROUTED, SENT_RIGHT, gains, means, shares

FOLDS = 5

BARS = (0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4)
"""Least confidences to suggest."""

FEWEST = 4 * FOLDS
"""Queries in scope below which nothing can be learned from them, let alone shown."""


PRICE = 0.01
"""Share of the queries that a gain may send wrong without a word about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Before and after, on queries that what judges them has not seen.

    Attributes:
        before: the evaluation of the bundle as it is.
        after: of each query by what was tuned on the other folds.
        gains: what tuning changes, by the names of `paired.FIGURES`.
        shares: likewise, by those of `paired.SHARES`.
        old: the scoring as it is.
        new: the scoring that all queries together give.
        left_out: queries that were left out: exemplars, and copies of another.
        bar: the `min_confidence` in [0, 1] at which nothing of `price` is lost; None when none of
            `BARS` is, or nothing is lost.
    """

    before: Evaluation
    after: Evaluation
    gains: Mapping[str, Gain]
    shares: Mapping[str, Gain]
    old: Scoring
    new: Scoring
    left_out: int
    bar: float | None = None

    @property
    def worse(self) -> Sequence[str]:
        """The figures and shares that are worse beyond noise."""
        return [name for name, one in (*self.gains.items(), *self.shares.items()) if one.high < 0]

    @property
    def price(self) -> Sequence[str]:
        """Which of `SENT_RIGHT` and `ROUTED` fall by more than `PRICE`, or beyond noise."""
        both = {SENT_RIGHT: self.gains[SENT_RIGHT], ROUTED: self.shares[ROUTED]}
        return [
            name
            for name, one in both.items()
            if one.before - one.after > PRICE or name in self.worse
        ]

    @property
    def finding(self) -> Literal["gain", "loss", "noise"]:
        """A gain is one figure better beyond noise, and neither a figure nor a share worse so.

        Whatever is no gain leaves the bundle as it is, unless somebody wants it anyway.
        """
        if self.worse:
            return "loss"
        return "gain" if any(gain.low > 0 for gain in self.gains.values()) else "noise"


def try_tuning(
    decider: Decider,
    queries: Sequence[LabelledQuery],
    encodings: Encodings,
    subject: Subject,
    *,
    taught: Collection[str],
) -> Trial:
    """Cross-validates tuning.

    Args:
        decider: what to tune; its router must not have seen the queries.
        queries: labelled queries.
        encodings: of the queries, shape (n, width).
        subject: what is evaluated.
        taught: texts that the router has learned from.

    Raises:
        EvaluationError: too few of the queries belong to routes that have exemplars.
    """
    router = decider.router
    kept = _worth_asking(queries, taught)
    left_out = len(queries) - len(kept)
    queries, encodings = [queries[row] for row in kept], encodings[kept]
    position = router.exemplars.positions
    # A route without exemplars is recognised by nothing: its queries are strangers to the scoring.
    labels = np.array([position.get(query.label, -1) for query in queries], dtype=np.int32)
    usable = int((labels >= 0).sum())
    if usable < FEWEST:
        raise EvaluationError(
            [
                f"{usable} of {len(queries)} queries belong to routes that have exemplars and were "
                f"not taught; tuning needs at least {FEWEST}, and some hundreds to show a gain"
            ]
        )
    seen = see_queries(
        encodings,
        labels,
        scoring=router.scoring,
        exemplars=router.exemplars,
        vectors=router.index.rows(slice(None)),
    )
    folds = _Folds(decider, queries, encodings, seen)
    before, old = judge(queries, encodings, decider), router.scoring.thresholds
    after, everything = folds.judged(thresholds=None), folds.everything()
    kept_thresholds = folds.judged(thresholds=old)
    # Thresholds turn queries away and do nothing else: they stay where that goes wrong.
    if gains(kept_thresholds, after)[SENT_RIGHT].high < 0:
        after, everything = kept_thresholds, replace(everything, thresholds=old)
    trial = Trial(
        before=evaluate(before, subject),
        after=evaluate(after, subject),
        gains=gains(before, after),
        shares=shares(before, after),
        old=router.scoring,
        new=everything,
        left_out=left_out,
    )
    chosen = old if after is kept_thresholds else None
    return replace(trial, bar=_bar(folds, before, chosen, trial.price))


def _bar(
    folds: "_Folds",
    before: Sequence[Judged],
    thresholds: Mapping[str, float] | None,
    lost: Sequence[str],
) -> float | None:
    """The highest of `BARS` at which none of what is lost is lost, if anything is."""
    was = means(before)
    for bar in BARS if lost else ():
        now = means(folds.judged(thresholds=thresholds, min_confidence=bar))
        if all(now[name] >= was[name] for name in lost):
            return bar
    return None


def _worth_asking(queries: Sequence[LabelledQuery], taught: Collection[str]) -> list[int]:
    """Rows of queries that were neither taught nor asked before, sorted by their text.

    What was taught is right by definition, and a query that is there twice would judge itself.
    Sorted, since folds must not depend on the order of the files.
    """
    first: dict[str, int] = {}
    for row, query in enumerate(queries):
        first.setdefault(query.text, row)
    return [row for text, row in sorted(first.items()) if text not in taught]


class _Folds:
    """Queries, and for each fold of them what the others give."""

    def __init__(
        self,
        decider: Decider,
        queries: Sequence[LabelledQuery],
        encodings: Encodings,
        seen: SeenQueries,
    ) -> None:
        self._decider = decider
        self._queries = queries
        self._encodings = encodings
        self._seen = seen
        fold_of = spread_over(seen.labels + np.int32(1), FOLDS)
        self._folds = [
            (np.flatnonzero(fold_of == fold).tolist(), self._tune(fold_of != fold))
            for fold in range(FOLDS)
        ]

    def everything(self) -> Scoring:
        """What all queries give."""
        return self._tune(np.ones(len(self._queries), dtype=np.bool_))

    def judged(
        self, *, thresholds: Mapping[str, float] | None, min_confidence: float | None = None
    ) -> list[Judged]:
        """Every query, judged by what the other folds give.

        Args:
            thresholds: in place of those that the folds give; None for theirs.
            min_confidence: in place of the taxonomy's; None for that.
        """
        router = self._decider.router
        if min_confidence is not None:
            router = _with_bar(router, min_confidence)
        judged: dict[int, Judged] = {}
        for held, tuned in self._folds:
            scoring = tuned if thresholds is None else replace(tuned, thresholds=thresholds)
            queries = [self._queries[row] for row in held]
            decider = self._decider.with_router(router.with_scoring(scoring))
            answers = judge(queries, self._encodings[held], decider)
            judged.update(zip(held, answers, strict=True))
        return [judged[row] for row in range(len(self._queries))]

    def _tune(self, chosen: npt.NDArray[np.bool_]) -> Scoring:
        router = self._decider.router
        seen = take(self._seen, np.flatnonzero(chosen))
        return tune(router.scoring, seen, router.exemplars, by_hand=by_hand(router.catalog))


def _with_bar(router: Router, min_confidence: float) -> Router:
    taxonomy = replace(router.catalog.taxonomy, min_confidence=min_confidence)
    catalog = replace(router.catalog, taxonomy=taxonomy)
    return Router(catalog, router.exemplars, router.index, router.scoring)
