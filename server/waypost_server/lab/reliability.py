"""How confidence and accuracy go together, as curves."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from waypost_server.lab.columns import Columns
from waypost_server.lab.figures import bin_edges

CURVE_POINTS = 100
"""Points of a curve; more cannot be seen."""

Z = 1.959964
"""Standard normal quantile of a 95% interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """In-scope queries of neighbouring confidence.

    Attributes:
        queries: how many.
        confidence: their mean confidence.
        accuracy: share whose best candidate is right.
        low: lower end of the accuracy's 95% interval.
        high: its upper end.
    """

    queries: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePoint:
    """What a bar on confidence gives.

    Attributes:
        min_confidence: the bar.
        coverage: share of in-scope queries that reach it.
        accuracy: share of these whose best candidate is right.
    """

    min_confidence: float
    coverage: float
    accuracy: float


def reliability_bins(columns: Columns) -> tuple[ReliabilityBin, ...]:
    """The equal-mass bins of `ece`, by rising confidence; empty ones are left out."""
    confidence = columns.confidence[columns.in_scope]
    right = columns.best_right[columns.in_scope]
    edges = bin_edges(len(confidence))
    bins = []
    for start, end in pairwise(edges.tolist()):
        if end > start:
            low, high = wilson(int(right[start:end].sum()), end - start)
            bins.append(
                ReliabilityBin(
                    queries=end - start,
                    confidence=float(confidence[start:end].mean()),
                    accuracy=float(right[start:end].mean()),
                    low=low,
                    high=high,
                )
            )
    return tuple(bins)


def coverage_curve(columns: Columns) -> tuple[CoveragePoint, ...]:
    """By falling bar, `CURVE_POINTS` of them at most; none without in-scope queries."""
    confidence = columns.confidence[columns.in_scope][::-1]
    right = columns.best_right[columns.in_scope][::-1]
    size = len(confidence)
    if not size:
        return ()
    counts = np.unique(np.linspace(1, size, min(size, CURVE_POINTS)).round().astype(int))
    # A bar lets in all queries of its confidence or none.
    counts = np.unique(np.searchsorted(-confidence, -confidence[counts - 1], side="right"))
    total = right.cumsum()
    return tuple(
        CoveragePoint(
            min_confidence=float(confidence[count - 1]),
            coverage=float(count / size),
            accuracy=float(total[count - 1] / count),
        )
        for count in counts
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927), which holds for few queries too."""
    share = right / total
    centre = share + Z * Z / (2 * total)
    spread = Z * float(np.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)))
    scale = 1 + Z * Z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
