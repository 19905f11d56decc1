"""The charts of confidence: reliability, and accuracy by coverage."""

from collections.abc import Sequence

from waypost_server.lab.plot import Plot
from waypost_server.lab.reliability import CoveragePoint, ReliabilityBin


def reliability_chart(bins: Sequence[ReliabilityBin], min_confidence: float) -> str:
    """Accuracy by confidence; on the diagonal, confidence means what it says."""
    plot = Plot(x_title="mean confidence", y_title="share that is right")
    parts = [
        plot.line([(0, 0), (1, 1)], "ideal"),
        plot.line([(min_confidence, 0), (min_confidence, 1)], "bar"),
        plot.line([(part.confidence, part.accuracy) for part in bins], "curve"),
    ]
    for part in bins:
        parts.append(
            plot.line([(part.confidence, part.low), (part.confidence, part.high)], "range")
        )
        tip = (
            f"{part.queries} queries\nconfidence {part.confidence:.3f}\nright {part.accuracy:.3f} "
            f"({part.low:.3f} to {part.high:.3f})"
        )
        parts.append(plot.dot(part.confidence, part.accuracy, "dot", tip))
    return plot.drawn("Reliability diagram", *parts)


def coverage_chart(curve: Sequence[CoveragePoint], min_confidence: float) -> str:
    """Accuracy of the surest share of queries, by how large that share is."""
    lowest = min((point.accuracy for point in curve), default=0.0)
    floor = max(0.0, int(lowest * 10 - 1e-9) / 10)  # the tenth below
    plot = Plot(x_title="share of in-scope queries trusted", y_title="right", floor=floor)
    parts = [plot.line([(point.coverage, point.accuracy) for point in curve], "curve")]
    trusted = [point for point in curve if point.min_confidence >= min_confidence]
    if trusted:
        chosen = trusted[-1].coverage
        parts.insert(0, plot.line([(chosen, floor), (chosen, 1)], "bar"))
    for point in curve:
        tip = (
            f"confidence {point.min_confidence:.3f} or more\n"
            f"{point.coverage:.1%} of queries\n{point.accuracy:.2%} right"
        )
        parts.append(plot.dot(point.coverage, point.accuracy, "hidden", tip))
    return plot.drawn("Accuracy by coverage", *parts)
