from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.accuracy.figures import error_by_chance, figures

# Few distinct scores, so that ties are common.
score = st.integers(0, 12).map(lambda tick: tick / 12)
judged = st.lists(st.tuples(score, st.booleans()), min_size=1, max_size=40)
strangers = st.lists(score, min_size=1, max_size=40)
few = settings(max_examples=15, deadline=None)


def value(
    name: str, queries: list[tuple[float, bool]], outside: list[float] | None = None
) -> float:
    outside = outside or []
    found = figures(
        [name],
        score=np.array([*(score for score, _ in queries), *outside]),
        # A stranger's best route is never right, whoever says so.
        right=np.array([*(right for _, right in queries), *(True for _ in outside)]),
        strangers=len(outside),
    )[name]
    return float("nan") if found is None else found.value


@few
@given(judged)
def test_accuracy_and_coverage_count_queries(queries: list[tuple[float, bool]]) -> None:
    covered = [right for score, right in queries if score >= 0.75]
    assert value("accuracy", queries) == pytest.approx(np.mean([right for _, right in queries]))
    assert value("coverage", queries) == pytest.approx(len(covered) / len(queries))
    expected = np.mean(covered) if covered else np.nan
    assert value("coverage_accuracy", queries) == pytest.approx(expected, nan_ok=True)


@few
@given(judged)
def test_ece_is_the_mean_gap_of_bins_cut_from_the_sorted_queries(
    queries: list[tuple[float, bool]],
) -> None:
    queries = list(dict(queries).items())  # equal scores may fall into either of two bins
    ordered = sorted(queries)
    edges = [i * len(ordered) // 15 for i in range(16)]
    gaps = [
        abs(sum(score - right for score, right in ordered[start:end]))
        for start, end in pairwise(edges)
    ]
    assert value("ece", queries) == pytest.approx(sum(gaps) / len(ordered))


def test_ece_of_one_confidence_for_all_does_not_depend_on_the_order_of_the_queries() -> None:
    assert value("ece", [(0.8, i < 1200) for i in range(1500)]) < 0.05


@few
@given(judged, strangers)
def test_auroc_is_the_share_of_pairs_in_the_right_order(
    queries: list[tuple[float, bool]], outside: list[float]
) -> None:
    pairs = [(a > b) + (a == b) / 2 for a, _ in queries for b in outside]
    assert value("auroc", queries, outside) == pytest.approx(np.mean(pairs))


@few
@given(judged.map(lambda queries: queries * 10), strangers)
def test_recall_at_loss_is_the_best_that_any_bar_reaches(
    queries: list[tuple[float, bool]], outside: list[float]
) -> None:
    accuracy = np.mean([right for _, right in queries])
    best = 0.0
    for bar in [*(score for score, _ in queries), *outside, 2.0]:
        if np.mean([right and score >= bar for score, right in queries]) >= accuracy - 0.01 - 1e-9:
            best = max(best, float(np.mean([score < bar for score in outside])))
    assert value("oos_recall_at_loss", queries, outside) == pytest.approx(best)


def test_decisions_are_counted_by_what_they_do_to_queries_and_to_strangers() -> None:
    found = figures(
        ["oos_recall", "scope_loss", "oos_turned_away", "routed_accuracy"],
        score=np.array([0.9, 0.8, 0.3, 0.1, 0.9, 0.6, 0.2, 0.1, 0.1]),
        right=np.array([True, False, True, True, False, False, False, False, False]),
        strangers=5,
        called_oos=np.array([0, 0, 0, 1, 0, 0, 1, 1, 1], dtype=bool),
        matched=np.array([1, 1, 0, 0, 1, 0, 0, 0, 0], dtype=bool),
    )
    values = {name: figure and figure.value for name, figure in found.items()}
    assert values == {
        "oos_recall": 3 / 5,
        "scope_loss": 1 / 4,
        "oos_turned_away": 4 / 5,
        "routed_accuracy": 1 / 4,
    }


def test_the_interval_of_a_share_is_that_of_the_normal_approximation() -> None:
    right = np.arange(2000) < 1600
    found = figures(["accuracy"], score=np.zeros(2000), right=right)["accuracy"]
    assert found is not None
    half = 1.96 * np.sqrt(0.8 * 0.2 / 2000)
    assert found.value == 0.8
    assert (found.low, found.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.002)


def test_what_chance_alone_shows_is_the_mean_deviation_of_a_bin() -> None:
    # A bin of 100: the mean absolute deviation of a share is sqrt(2 / pi) standard deviations.
    expected = np.sqrt(2 / np.pi) * np.sqrt(0.7 * 0.3 / 100)
    assert error_by_chance(np.full(1500, 0.7)) == pytest.approx(expected, rel=0.03)
