"""Whether tuning on labelled queries pays: every query judged by what was tuned without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

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
from waypost_server.lab.judged import Judged, judge
from waypost_server.lab.paired import SENT_RIGHT, gains, sent_right

FOLDS = 5

BARS = (0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4)
"""Least confidences to suggest."""

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
        left_out: queries that were left out: exemplars, and copies of another.
        bar: the `min_confidence` in [0, 1] at which as many queries are sent right as before;
            None when none of `BARS` is.
    """

    before: Evaluation
    after: Evaluation
    gains: Mapping[str, Gain]
    old: Scoring
    new: Scoring
    left_out: int
    bar: float | None

    @property
    def finding(self) -> Literal["gain", "loss", "noise"]:
        """A gain is one figure better beyond noise, and none worse."""
        if any(gain.high < 0 for gain in self.gains.values()):
            return "loss"
        return "gain" if any(gain.low > 0 for gain in self.gains.values()) else "noise"


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
    kept = _worth_asking(router, queries)
    left_out = len(queries) - len(kept)
    queries, encodings = [queries[row] for row in kept], encodings[kept]
    position = {route: i for i, route in enumerate(router.exemplars.routes)}
    # A route without exemplars is recognised by nothing: its queries are strangers to the scoring.
    labels = np.array([position.get(query.label, -1) for query in queries], dtype=np.int32)
    usable = int((labels >= 0).sum())
    if usable < FEWEST:
        raise EvaluationError(
            [
                f"{usable} of {len(queries)} queries belong to routes that have exemplars and are "
                f"none themselves; tuning needs at least {FEWEST}, and some hundreds to show a gain"
            ]
        )
    seen = see_queries(
        encodings,
        labels,
        scoring=router.scoring,
        exemplars=router.exemplars,
        vectors=router.index.vectors,
    )
    asked = _Asked(router, queries, encodings, seen)
    before = judge(queries, encodings, router)
    with_old, with_new = asked.judged_by_others(), asked.judged_by_others(new_thresholds=True)
    # Thresholds turn queries away and do nothing else: they stay where that goes wrong.
    new_thresholds = gains(with_old, with_new)[SENT_RIGHT].high >= 0
    after = with_new if new_thresholds else with_old
    return Trial(
        before=evaluate(before, subject),
        after=evaluate(after, subject),
        gains=gains(before, after),
        old=router.scoring,
        new=asked.tuned(np.arange(len(queries)), new_thresholds=new_thresholds),
        left_out=left_out,
        bar=_bar(asked, gains(before, after)[SENT_RIGHT].before, new_thresholds=new_thresholds),
    )


def _bar(asked: "_Asked", wanted: float, *, new_thresholds: bool) -> float | None:
    for bar in BARS:
        judged = asked.judged_by_others(new_thresholds=new_thresholds, min_confidence=bar)
        if np.mean([sent_right(row) for row in judged]) >= wanted:
            return bar
    return None


def _worth_asking(router: Router, queries: Sequence[LabelledQuery]) -> list[int]:
    """Rows of queries that are no exemplars and that were not asked before: these say nothing new.

    An exemplar is right by definition, and a query that is there twice would judge itself.
    """
    first: dict[str, int] = {}  # in the end sorted, for folds must not depend on the files' order
    for row, query in enumerate(queries):
        first.setdefault(query.text, row)
    known = set(router.exemplars.texts)
    return [row for text, row in sorted(first.items()) if text not in known]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Queries, and what tunes on some of them."""

    router: Router
    queries: Sequence[LabelledQuery]
    encodings: Encodings
    seen: SeenQueries

    def tuned(self, rows: npt.NDArray[np.intp], *, new_thresholds: bool) -> Scoring:
        """The scoring that these queries give."""
        router = self.router
        tuned = tune(
            router.scoring, self.seen[rows], router.exemplars, by_hand=by_hand(router.catalog)
        )
        return tuned if new_thresholds else replace(tuned, thresholds=router.scoring.thresholds)

    def judged_by_others(
        self, *, new_thresholds: bool = False, min_confidence: float | None = None
    ) -> list[Judged]:
        """Every query, judged by what the other folds give, by default with the same bar."""
        router = self.router
        if min_confidence is not None:
            taxonomy = replace(router.catalog.taxonomy, min_confidence=min_confidence)
            catalog = replace(router.catalog, taxonomy=taxonomy)
            router = Router(catalog, router.exemplars, router.index, router.scoring)
        fold_of = spread_over(self.seen.labels + np.int32(1), FOLDS)
        judged: dict[int, Judged] = {}
        for fold in range(FOLDS):
            held = np.flatnonzero(fold_of == fold).tolist()
            scoring = self.tuned(np.flatnonzero(fold_of != fold), new_thresholds=new_thresholds)
            answers = judge(
                [self.queries[row] for row in held],
                self.encodings[held],
                router.with_scoring(scoring),
            )
            judged.update(zip(held, answers, strict=True))
        return [judged[row] for row in range(len(self.queries))]
