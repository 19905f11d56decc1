"""An evaluation: everything that is known of how well a bundle routes labelled queries."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from waypost_server.core.outcome import Outcome
from waypost_server.lab.bootstrap import Measured, measure
from waypost_server.lab.columns import Columns
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.judged import Judged
from waypost_server.lab.per_route import Confusion, RouteFigures
from waypost_server.lab.reliability import (
    CoveragePoint,
    ReliabilityBin,
    coverage_curve,
    reliability_bins,
)

SEED = 0
"""Of the resamples: the same queries give the same intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is evaluated.

    Attributes:
        index_version: the bundle.
        encoder: the encoder's name.
        calibration: what confidences were fitted on.
        routes: names of all routes, sorted.
        min_confidence: confidence that a match needs.
    """

    index_version: str
    encoder: str
    calibration: str
    routes: tuple[str, ...]
    min_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found.

    Attributes:
        subject: what was evaluated.
        judged: the queries and what became of them, in file order.
        figures: by name, in the order of `FIGURES`; None where the queries cannot tell.
        outcomes: how many in-scope and out-of-scope queries came to each outcome.
        per_route: figures of each route, and last of "oos".
        confusion: who was taken for whom.
        reliability: accuracy by confidence.
        coverage: accuracy by share of queries that are trusted.
    """

    subject: Subject
    judged: tuple[Judged, ...]
    figures: Mapping[str, Measured | None]
    outcomes: Mapping[Outcome, tuple[int, int]]
    per_route: tuple[RouteFigures, ...]
    confusion: Confusion
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]

    @property
    def in_scope(self) -> int:
        """How many queries belong to a route."""
        return sum(row.query.in_scope for row in self.judged)

    @property
    def plans(self) -> tuple[int, int]:
        """How many in-scope and out-of-scope queries became plans."""
        planned = [row.query.in_scope for row in self.judged if row.plan]
        return sum(planned), len(planned) - sum(planned)

    @property
    def mistakes(self) -> tuple[Judged, ...]:
        """Queries that were not taken for what they are, the surest first."""
        return _surest_first(row for row in self.judged if not row.is_right)

    @property
    def lost(self) -> tuple[Judged, ...]:
        """Queries that were taken for what they are and yet not sent there, the surest first.

        A lower bar, of confidence or of similarity, would send them.
        """
        return _surest_first(
            row for row in self.judged if row.is_right and row.query.in_scope and not row.arrived
        )


def _surest_first(rows: Iterable[Judged]) -> tuple[Judged, ...]:
    return tuple(sorted(rows, key=lambda row: -row.confidence))


def evaluate(judged: Sequence[Judged], subject: Subject) -> Evaluation:
    """Computes every figure of judged queries, of which there is at least one."""
    columns = Columns.of(judged, routes=subject.routes, min_confidence=subject.min_confidence)
    confusion = Confusion.of(judged, subject.routes)
    count = Counter((row.outcome, row.query.in_scope) for row in judged)
    return Evaluation(
        subject=subject,
        judged=tuple(judged),
        figures=measure(
            columns, {name: figure.compute for name, figure in FIGURES.items()}, seed=SEED
        ),
        outcomes={outcome: (count[outcome, True], count[outcome, False]) for outcome in Outcome},
        per_route=confusion.per_route(),
        confusion=confusion,
        reliability=reliability_bins(columns),
        coverage=coverage_curve(columns),
    )
