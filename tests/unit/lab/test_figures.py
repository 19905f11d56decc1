from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.lab.judgements import TEN, by_lot, columns, judged
from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.columns import Columns
from waypost_server.lab.figures import BINS, FIGURES, LOSS
from waypost_server.lab.judged import Judged


def value(name: str, of: Columns) -> float:
    return float(FIGURES[name].compute(of, np.ones((1, len(of.confidence))))[0])


BY_HAND = {
    "accuracy": 5 / 7,
    "routed_accuracy": 4 / 7 + 1 / 7,  # the c that was taken for out of scope went to c
    # a: 2 of 3, taken 3 times. b: 2 of 2, taken 4 times. c: 1 of 2, taken once.
    "macro_f1": (2 / 3 + 2 / 3 + 2 / 3) / 3,
    "coverage": 4 / 7,
    "coverage_accuracy": 3 / 4,
    "fallback_rate": 2 / 7,
    "scope_loss": 1 / 7,
    "oos_recall": 1 / 3,
    "oos_turned_away": 2 / 3,
    # Nothing may be lost, so the bar is at 0.5, the least confidence of a right one.
    "oos_recall_at_loss": 1 / 3,
    # 0.10 is below 7, 0.55 below 5, 0.80 below 3 and ties with one.
    "auroc": (7 + 5 + 3.5) / 21,
    # Each in a bin of its own: 0.05 0.15 0.80 0.10 0.40 0.50 0.20.
    "ece": 2.2 / 7,
    "ece_all": (2.2 + 0.10 + 0.55 + 0.80) / 10,
}


def test_every_figure_is_computed_by_hand() -> None:
    assert BY_HAND.keys() == FIGURES.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_figures_are_what_they_are_by_hand(name: str) -> None:
    assert value(name, columns(judged(TEN))) == pytest.approx(BY_HAND[name], abs=1e-12)


def brute_auroc(rows: tuple[Judged, ...]) -> float:
    inside = [row.confidence for row in rows if row.query.in_scope]
    outside = [row.confidence for row in rows if not row.query.in_scope]
    wins = sum((i > o) + (i == o) / 2 for i in inside for o in outside)
    return wins / (len(inside) * len(outside))


def brute_ece(rows: tuple[Judged, ...]) -> float:
    rising = sorted((row for row in rows if row.query.in_scope), key=lambda row: row.confidence)
    error = 0.0
    for part in range(BINS):
        members = rising[len(rising) * part // BINS : len(rising) * (part + 1) // BINS]
        if members:
            confidence = sum(row.confidence for row in members) / len(members)
            accuracy = sum(row.best == row.query.label for row in members) / len(members)
            error += len(members) / len(rising) * abs(confidence - accuracy)
    return error


def brute_recall_at_loss(rows: tuple[Judged, ...]) -> float:
    inside = [row for row in rows if row.query.in_scope]
    outside = [row for row in rows if not row.query.in_scope]
    best = 0.0
    for bar in {row.confidence for row in rows} | {2.0}:
        lost = sum(row.best == row.query.label and row.confidence < bar for row in inside)
        if lost <= LOSS * len(inside):
            best = max(best, sum(row.confidence < bar for row in outside) / len(outside))
    return best


def brute_macro_f1(rows: tuple[Judged, ...]) -> float:
    f1 = []
    for route in {row.query.label for row in rows} - {OUT_OF_SCOPE}:
        right = sum(row.called == route == row.query.label for row in rows)
        support = sum(row.query.label == route for row in rows)
        called = sum(row.called == route for row in rows)
        f1.append(2 * right / (support + called))
    return sum(f1) / len(f1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("steps", [7, 1_000_000])
@pytest.mark.parametrize(
    ("name", "brute"),
    [
        ("auroc", brute_auroc),
        ("ece", brute_ece),
        ("oos_recall_at_loss", brute_recall_at_loss),
        ("macro_f1", brute_macro_f1),
    ],
)
def test_figures_are_what_a_plain_loop_finds(
    name: str, brute: Callable[[tuple[Judged, ...]], float], steps: int, seed: int
) -> None:
    rows = by_lot(211 + 100 * seed, seed=seed, steps=steps)
    assert value(name, columns(rows)) == pytest.approx(brute(rows), abs=1e-12)


def test_a_query_of_weight_two_is_as_if_it_stood_there_twice() -> None:
    rows = by_lot(60, seed=5, steps=1_000_000)
    rising = sorted(rows, key=lambda row: row.confidence)
    weights = np.array([[i % 3 for i in range(len(rising))]], dtype=np.float64)
    repeated = [row for i, row in enumerate(rising) for _ in range(i % 3)]
    for name, figure in FIGURES.items():
        weighted = float(figure.compute(columns(rows), weights)[0])
        assert weighted == pytest.approx(value(name, columns(repeated)), abs=1e-12), name


def test_what_the_queries_cannot_tell_is_not_a_number() -> None:
    inside = columns(judged(TEN[:7]))
    unknown = {name for name in FIGURES if np.isnan(value(name, inside))}
    assert unknown == {"oos_recall", "oos_turned_away", "oos_recall_at_loss", "auroc"}
    outside = columns(judged(TEN[7:]))
    known = {name for name in FIGURES if not np.isnan(value(name, outside))}
    assert known == {"oos_recall", "oos_turned_away", "oos_recall_at_loss", "ece_all"}
