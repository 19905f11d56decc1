import numpy as np
import pytest

from tests.unit.lab.judgements import TEN, by_lot, columns, judged
from waypost_server.lab.figures import BINS, FIGURES
from waypost_server.lab.reliability import (
    CURVE_POINTS,
    coverage_curve,
    reliability_bins,
    wilson,
)


def test_the_gaps_of_the_bins_add_up_to_the_calibration_error() -> None:
    of = columns(by_lot(400, seed=1))
    bins = reliability_bins(of)
    assert len(bins) == BINS
    total = sum(part.queries for part in bins)
    gap = sum(part.queries * abs(part.confidence - part.accuracy) for part in bins) / total
    ece = FIGURES["ece"].compute(of, np.ones((1, len(of.confidence))))[0]
    assert gap == pytest.approx(ece, abs=1e-12)


def test_a_bar_lets_in_all_queries_of_its_confidence() -> None:
    rows = by_lot(900, seed=2, steps=40)
    curve = coverage_curve(columns(rows))
    assert 10 < len(curve) <= CURVE_POINTS
    inside = [row for row in rows if row.query.in_scope]
    for point in curve:
        trusted = [row for row in inside if row.confidence >= point.min_confidence]
        right = sum(row.best == row.query.label for row in trusted)
        assert point.coverage == pytest.approx(len(trusted) / len(inside))
        assert point.accuracy == pytest.approx(right / len(trusted))
    assert curve[-1].coverage == 1


def test_without_queries_in_scope_there_are_no_curves() -> None:
    outside = columns(judged(TEN[7:]))
    assert (reliability_bins(outside), coverage_curve(outside)) == ((), ())


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (right, total), interval in published.items():
        assert wilson(right, total) == pytest.approx(interval, abs=5e-5)
