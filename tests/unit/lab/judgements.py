"""Judged queries made by hand or by lot."""

from collections.abc import Iterable, Sequence

import numpy as np

from waypost_server.core.labelled import OUT_OF_SCOPE, LabelledQuery
from waypost_server.core.outcome import Outcome
from waypost_server.core.ranking import NearestExemplar
from waypost_server.lab.columns import Columns
from waypost_server.lab.evaluation import Evaluation, Subject, evaluate
from waypost_server.lab.judged import Judged

ROUTES = ("a", "b", "c")
DEFAULT = "c"

SUBJECT = Subject(
    index_version="0123456789ab",
    encoder="hash",
    calibration="CROSS_FITTED",
    routes=ROUTES,
    min_confidence=0.75,
)

Row = tuple[str, str, float, Outcome]
"""Label, best candidate, confidence, outcome."""

MATCHED, FALLBACK, OUTSIDE = Outcome.MATCHED, Outcome.FALLBACK, Outcome.OUT_OF_SCOPE

TEN: Sequence[Row] = (
    ("a", "a", 0.95, MATCHED),
    ("a", "a", 0.85, MATCHED),
    ("a", "b", 0.80, MATCHED),
    ("b", "b", 0.90, MATCHED),
    ("b", "b", 0.60, FALLBACK),
    ("c", "c", 0.50, FALLBACK),
    ("c", "a", 0.20, OUTSIDE),
    (OUT_OF_SCOPE, "a", 0.10, OUTSIDE),
    (OUT_OF_SCOPE, "b", 0.55, FALLBACK),
    (OUT_OF_SCOPE, "a", 0.80, MATCHED),
)
"""Few enough to compute every figure by hand: seven in scope, three out of it."""


def judged(rows: Iterable[Row], *, text: str = "query") -> tuple[Judged, ...]:
    return tuple(
        Judged(
            query=LabelledQuery(text=f"{text} {i}", label=label, source=f"file.jsonl:{i + 1}"),
            outcome=outcome,
            route=best if outcome is MATCHED else DEFAULT,
            best=best,
            confidence=confidence,
            nearest=NearestExemplar(f"exemplar of {best}", 0.5),
            nearest_right=(
                None if label == OUT_OF_SCOPE else NearestExemplar(f"exemplar of {label}", 0.25)
            ),
        )
        for i, (label, best, confidence, outcome) in enumerate(rows)
    )


def by_lot(size: int, *, seed: int, steps: int = 50) -> tuple[Judged, ...]:
    """Queries whose confidence takes `steps` values, so that there are ties."""
    rng = np.random.default_rng(seed)
    labels = (*ROUTES, OUT_OF_SCOPE)
    rows: list[Row] = []
    for _ in range(size):
        label = labels[rng.integers(4)]
        confidence = int(rng.integers(steps)) / steps
        outside = label == OUT_OF_SCOPE
        best = label if not outside and rng.random() < confidence else ROUTES[rng.integers(3)]
        outcome = MATCHED if confidence >= 0.75 else FALLBACK if confidence >= 0.3 else OUTSIDE
        rows.append((label, best, confidence, outcome))
    return judged(rows)


def columns(rows: Sequence[Judged]) -> Columns:
    return Columns.of(rows, routes=ROUTES, min_confidence=SUBJECT.min_confidence)


def evaluation(rows: Iterable[Row] = TEN, *, text: str = "query") -> Evaluation:
    return evaluate(judged(rows, text=text), SUBJECT)
