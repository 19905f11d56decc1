import numpy as np
import pytest

from tests.unit.lab.judgements import TEN, by_lot, columns, judged
from waypost_server.lab import bootstrap
from waypost_server.lab.bootstrap import Measured, measure
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.judged import Judged

COMPUTE = {name: figure.compute for name, figure in FIGURES.items()}


@pytest.mark.parametrize("rows", [judged(TEN), by_lot(300, seed=1), by_lot(2_500, seed=2)])
def test_an_interval_holds_its_figure_and_stays_within_bounds(rows: tuple[Judged, ...]) -> None:
    for name, measured in measure(columns(rows), COMPUTE, seed=0).items():
        assert measured is not None, name
        assert 0 <= measured.low <= measured.value <= measured.high <= 1, name


def test_the_same_seed_gives_the_same_intervals_and_another_others() -> None:
    rows = columns(by_lot(200, seed=3))
    first = measure(rows, COMPUTE, seed=0)
    assert measure(rows, COMPUTE, seed=0) == first
    assert measure(rows, COMPUTE, seed=1) != first


def test_the_interval_of_a_share_is_the_one_that_theory_gives() -> None:
    rows = columns(by_lot(2_000, seed=4))
    accuracy = measure(rows, {"accuracy": COMPUTE["accuracy"]}, seed=0)["accuracy"]
    assert accuracy is not None
    p, n = accuracy.value, int(rows.in_scope.sum())
    half = 1.96 * np.sqrt(p * (1 - p) / n)
    assert accuracy.low == pytest.approx(p - half, abs=0.15 * half)
    assert accuracy.high == pytest.approx(p + half, abs=0.15 * half)


def test_what_is_always_right_has_no_spread_and_what_cannot_be_told_no_value() -> None:
    rows = columns(judged(row for row in TEN[:7] if row[0] == row[1]))
    found = measure(rows, COMPUTE, seed=0)
    assert found["accuracy"] == Measured(1.0, 1.0, 1.0)
    assert found["auroc"] is None


def test_resamples_keep_how_many_are_in_scope() -> None:
    rows = columns(judged(TEN))
    weights = np.concatenate(list(bootstrap._resamples(rows, 0)))
    assert weights.shape == (bootstrap.RESAMPLES, len(TEN))
    assert set(weights[:, rows.in_scope].sum(axis=1)) == {7.0}
    assert set(weights[:, ~rows.in_scope].sum(axis=1)) == {3.0}
