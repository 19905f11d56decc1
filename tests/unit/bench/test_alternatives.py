import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.bench.accuracy.datasets import Labelled, Task
from tests.bench.alternatives.contest import Column, Found, contest
from tests.bench.alternatives.discriminant import lda_scores
from tests.bench.alternatives.hierarchy import hierarchical
from tests.bench.alternatives.logarithms import log_softmax
from tests.bench.alternatives.page import render
from tests.bench.alternatives.product import head_logits, waypost
from tests.bench.alternatives.prototypes import centroid, mixture, nearest
from tests.bench.alternatives.ridge import ridge_values
from tests.bench.alternatives.smoothing import fit_soft
from tests.bench.alternatives.trials import Scores, Texts, Trial, make_trial
from tests.bench.alternatives.words import tf_idf
from tests.fakes import HashEncoder
from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.head import STRENGTH
from waypost_server.core.softmax import Floats, fit_softmax

SIZES = (5, 3, 6, 4, 5, 2)
CLOUDS = Clouds(len(SIZES), spread=1.4)
LABELS = labels_of(SIZES)
ASKED = labels_of([7] * len(SIZES))


def trial() -> Trial:
    return Trial(
        data="clouds",
        shots="few",
        exemplars=Texts(("",) * len(LABELS), CLOUDS.draw(LABELS, seed=1), LABELS),
        queries=Texts(("",) * len(ASKED), CLOUDS.draw(ASKED, seed=2), ASKED),
        sizes=np.array(SIZES, dtype=np.int32),
        dimension=CLOUDS.dimension,
    )


def units() -> tuple[Floats, Floats]:
    return trial().units()


def test_cosines_are_those_that_loops_find() -> None:
    exemplars, queries = units()
    own = [exemplars[route == LABELS] for route in range(len(SIZES))]
    best = np.array([[max(query @ e for e in rows) for rows in own] for query in queries])
    few = [[np.sort(rows @ query)[-3:].mean() for rows in own] for query in queries]
    means = [rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0)) for rows in own]
    middle = np.array([[query @ mean for mean in means] for query in queries])
    assert nearest(trial())[""] == pytest.approx(best, abs=1e-6)
    assert centroid(trial())[""] == pytest.approx(middle, abs=1e-6)
    mixed = 0.2 * middle + 0.8 * np.array(few)
    assert mixture(trial())["centroid x 0.2"] == pytest.approx(mixed, abs=1e-6)


@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_ridge_is_least_squares_with_rows_that_pull_weights_to_zero(penalty: float) -> None:
    exemplars, queries = units()
    targets = np.eye(len(SIZES))[LABELS]
    inputs = exemplars.shape[1]
    rows = np.vstack(
        [
            np.hstack([exemplars, np.ones((len(exemplars), 1))]),
            np.hstack([np.sqrt(penalty) * np.eye(inputs), np.zeros((inputs, 1))]),
        ]
    )
    wanted = np.vstack([targets, np.zeros((inputs, len(SIZES)))])
    solution = np.linalg.lstsq(rows, wanted)[0]
    expected = queries @ solution[:-1] + solution[-1]
    assert ridge_values(exemplars, targets, queries, penalty) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shrinkage", [0.3, 1.0])
def test_lda_ranks_by_the_density_of_gaussians_around_the_means(shrinkage: float) -> None:
    exemplars, queries = (part.astype(np.float64) for part in units())
    means = np.array([exemplars[route == LABELS].mean(axis=0) for route in range(len(SIZES))])
    off = exemplars - means[LABELS]
    covariance = np.mean([np.outer(row, row) for row in off], axis=0)
    size = len(covariance)
    shrunken = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / size * np.eye(size)
    inverse = np.linalg.inv(shrunken)
    distance = np.array([[(q - m) @ inverse @ (q - m) for m in means] for q in queries])
    found = lda_scores(exemplars, LABELS, queries, shrinkage=shrinkage)
    assert log_softmax(found) == pytest.approx(log_softmax(-distance / 2), abs=1e-8)


def test_soft_targets_that_are_hard_give_the_heads_own_fit() -> None:
    exemplars, queries = units()
    hard = fit_softmax(exemplars, LABELS, len(SIZES), strength=STRENGTH)(queries)
    soft = fit_soft(exemplars, np.eye(len(SIZES))[LABELS], strength=STRENGTH)(queries)
    # The head's fit ends earlier.
    assert np.exp(log_softmax(soft)) == pytest.approx(np.exp(log_softmax(hard)), abs=0.02)


def test_soft_targets_are_met_on_average() -> None:
    # Biases have no penalty: at the least loss, predicted and wanted totals are equal.
    exemplars, _ = units()
    targets = 0.8 * np.eye(len(SIZES))[LABELS] + 0.2 / len(SIZES)
    found = np.exp(log_softmax(fit_soft(exemplars, targets, strength=STRENGTH)(exemplars)))
    assert found.sum(axis=0) == pytest.approx(targets.sum(axis=0), abs=1e-3)
    assert np.abs(found - targets).max() < 0.25


def test_probabilities_by_group_sum_to_one_and_those_of_a_group_to_the_groups_own() -> None:
    exemplars, queries = units()
    groups = np.array([0, 1, 0, 2, 1, 1], dtype=np.int32)
    found = np.exp(hierarchical(exemplars, LABELS, queries, groups))
    of_groups = fit_softmax(exemplars, groups[LABELS], 3, strength=STRENGTH)(queries)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(queries)))
    totals = np.stack([found[:, groups == group].sum(axis=1) for group in range(3)], axis=1)
    assert totals == pytest.approx(np.exp(log_softmax(of_groups)))


def test_a_single_group_and_groups_of_one_are_the_flat_head() -> None:
    exemplars, queries = units()
    flat = log_softmax(fit_softmax(exemplars, LABELS, len(SIZES), strength=STRENGTH)(queries))
    for groups in (np.zeros(len(SIZES), np.int32), np.arange(len(SIZES), dtype=np.int32)):
        found = hierarchical(exemplars, LABELS, queries, groups)
        assert found == pytest.approx(flat, abs=1e-5)


def test_tf_idf_weighs_rare_words_more_and_leaves_unknown_ones_out() -> None:
    exemplars, queries = tf_idf(["Freeze my card", "my balance"], ["my my card!", "hello"])
    rare, common = np.log(3 / 2) + 1, 1.0  # columns: balance, card, freeze, my
    assert exemplars[1] == pytest.approx(np.array([rare, 0, 0, common]) / np.hypot(rare, common))
    assert queries[0] == pytest.approx(np.array([0, rare, 0, 2]) / np.hypot(rare, 2))
    assert not queries[1].any()


def test_inputs_are_those_of_the_products_head() -> None:
    exemplars, queries = trial().both()
    fitted = fit_softmax(exemplars, LABELS, len(SIZES), strength=STRENGTH)(queries)
    assert head_logits(trial()) == pytest.approx(fitted, abs=1e-4)


def test_a_setting_is_chosen_in_its_favour_and_compared_on_the_same_queries() -> None:
    truth = np.eye(len(SIZES))[ASKED]

    def oracle(_: Trial) -> Mapping[str, Scores]:
        return {"false": -truth, "true": truth, "same": truth}

    def untried(_: Trial) -> Mapping[str, Scores]:
        return {}

    column = contest(trial(), {"oracle": oracle, "untried": untried, "itself": waypost})
    wrong = round((1 - column.waypost) * len(ASKED))
    assert wrong > 0
    assert column.found["oracle"] == Found(
        {"false": 0.0, "true": 1.0, "same": 1.0}, "true", min(1.0, 2 * 0.5**wrong)
    )
    assert column.found["itself"] == Found({"": column.waypost}, "", 1.0)
    assert "untried" not in column.found


def test_repeated_queries_count_once_and_exemplars_stand_by_route(tmp_path: Path) -> None:
    (tmp_path / "clinc150").mkdir()
    domains = {"garden": ["tree", "herb"], "house": ["roof"]}
    (tmp_path / "clinc150/domains.json").write_text(json.dumps(domains), encoding="utf-8")
    exemplars = Labelled(("an oak", "tiles", "mint", "an elm"), ("tree", "roof", "herb", "tree"))
    nothing = Labelled((), ())
    task = Task(
        data="clinc150",
        shots="5",
        exemplars=exemplars,
        selection=nothing,
        validation=Labelled(("sage", "ash", "sage"), ("herb", "tree", "herb")),
        test=nothing,
    )
    encoder = HashEncoder()
    made = make_trial(task, encoder, tmp_path)
    assert made.exemplars.texts == ("mint", "tiles", "an oak", "an elm")
    assert made.exemplars.routes.tolist() == [0, 1, 2, 2]
    assert np.array_equal(made.exemplars.encodings, encoder.encode(made.exemplars.texts))
    assert made.sizes.tolist() == [1, 1, 2]
    assert (made.queries.texts, made.queries.routes.tolist()) == (("sage", "ash"), [0, 2])
    assert made.groups is not None
    assert made.groups.tolist() == [0, 1, 0]


def test_the_page_tells_what_is_lost_and_what_is_noise() -> None:
    columns = {
        ("hwu64", "5"): Column(0.8, {"Ridge": Found({"a": 0.7, "b": 0.6}, "a", 0.0004)}),
        ("hwu64", "10"): Column(
            0.9,
            {
                "Ridge": Found({"a": 0.5, "b": 0.92}, "b", 0.03),
                "Centroid": Found({"": 0.8999}, "", 0.04),
            },
        ),
    }
    lines = render(columns, "With this.").splitlines()
    assert "|  | HWU64, 5 | HWU64, 10 | mean less Waypost's | beyond noise |" in lines
    assert "| Centroid | - | 90.0 (0.040) | +0.0 | worse in 1, better in 0 of 1 |" in lines
    ridge = "| Ridge | 70.0 (< 0.001) | 92.0 (0.030) | -4.0 | worse in 1, better in 1 of 2 |"
    assert ridge in lines
    assert "| Waypost | **80.0** | **90.0** |  |  |" in lines
    assert "| Ridge | a | b | b | -9.0 |" in lines
