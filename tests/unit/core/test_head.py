import numpy as np
import pytest

from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.discriminant import fit_discriminant
from waypost_server.core.head import (
    INNER_SCALE,
    MOST_CELLS,
    MOST_TAUGHT,
    STRENGTH,
    Negatives,
    fit_head,
)
from waypost_server.core.sampling import evenly
from waypost_server.core.softmax import Floats, Labels, fit_softmax

SIZES = [6, 2, 9, 4]
CLOUDS = Clouds(len(SIZES))
D = CLOUDS.dimension
LABELS = labels_of(SIZES)
INPUTS = CLOUDS.draw(LABELS, seed=1)
QUERIES = CLOUDS.draw(labels_of([5, 5, 5, 5]), seed=2)


def moved(x: Floats, factor: float, shift: float) -> Floats:
    """The same encodings with their inner vectors longer and elsewhere."""
    return np.hstack([x[:, :D], factor * x[:, D:] + shift]).astype(np.float32)


def test_folding_centre_and_scale_into_the_map_equals_fitting_on_standardised_inputs() -> None:
    # Nearly alike, as inner vectors of real texts are.
    inputs, queries = moved(INPUTS, 1.0, 3.0), moved(QUERIES, 1.0, 3.0)
    centre = np.hstack([np.zeros(D), inputs[:, D:].mean(axis=0)]).astype(np.float32)
    lengths = np.linalg.norm(inputs[:, D:] - centre[D:], axis=1)
    scale = INNER_SCALE / np.sqrt(np.square(lengths).mean())
    standard = [
        np.hstack([x[:, :D], (x[:, D:] - centre[D:]) * scale]).astype(np.float32)
        for x in (inputs, queries)
    ]
    plain = fit_softmax(standard[0], LABELS, 4, strength=STRENGTH)
    logits, _ = fit_head(inputs, LABELS, 4, dimension=D).logits(queries)
    np.testing.assert_allclose(logits, plain(standard[1]), atol=1e-3)


@pytest.mark.parametrize(("factor", "shift"), [(10.0, 0.0), (1.0, 2.0), (0.1, -0.5)])
def test_where_inner_vectors_lie_and_how_long_they_are_does_not_matter(
    factor: float, shift: float
) -> None:
    plain = fit_head(INPUTS, LABELS, 4, dimension=D).logits(QUERIES)[0]
    other = fit_head(moved(INPUTS, factor, shift), LABELS, 4, dimension=D)
    logits, _ = other.logits(moved(QUERIES, factor, shift))
    np.testing.assert_allclose(logits, plain, atol=0.02)


def test_without_an_inner_vector_it_is_the_plain_regression_on_the_unit_vectors() -> None:
    unit = np.ascontiguousarray(INPUTS[:, :D])
    head = fit_head(unit, LABELS, 4, dimension=D)
    plain = fit_softmax(unit, LABELS, 4, strength=STRENGTH)
    np.testing.assert_array_equal(head.logits(QUERIES[:, :D])[0], plain(QUERIES[:, :D]))


def test_the_inner_vector_tells_apart_what_the_unit_vector_cannot() -> None:
    inputs = INPUTS.copy()
    inputs[:, :D] = np.eye(D, dtype=np.float32)[0]
    found, _ = fit_head(inputs, LABELS, 4, dimension=D).logits(inputs)
    assert (found.argmax(axis=1) == LABELS).mean() > 0.9


def test_an_only_route_has_no_rival_and_the_logit_0() -> None:
    head = fit_head(INPUTS, np.zeros(len(INPUTS), dtype=np.int32), 1, dimension=D)
    logits, outside = head.logits(QUERIES)
    np.testing.assert_array_equal(logits, np.zeros((len(QUERIES), 1)))
    assert outside is None


@pytest.mark.parametrize("routes", [1, 4])
def test_out_of_scope_is_a_class_of_its_own(routes: int) -> None:
    labels = np.minimum(LABELS, routes - 1)
    inputs = np.concatenate([INPUTS, CLOUDS.strangers(40, seed=1)])
    labels = np.concatenate([labels, np.full(40, routes, dtype=np.int32)])
    head = fit_head(inputs, labels, routes, dimension=D)
    inside, outside = head.logits(inputs)
    assert inside.shape == (len(inputs), routes)
    assert outside is not None
    assert outside.shape == (len(inputs),)
    assert ((outside > inside.max(axis=1)) == (labels == routes)).mean() > 0.95


def test_no_route_at_all_has_no_logits() -> None:
    head = fit_head(np.empty((0, D + 12), np.float32), np.empty(0, np.int32), 0, dimension=D)
    logits, outside = head.logits(QUERIES)
    assert logits.shape == (len(QUERIES), 0)
    assert outside is None


def test_inner_vectors_that_are_all_alike_say_nothing_and_break_nothing() -> None:
    inputs, queries = INPUTS.copy(), QUERIES.copy()
    inputs[:, D:] = queries[:, D:] = np.float32(0.25)
    same, _ = fit_head(inputs, LABELS, 4, dimension=D).logits(queries)
    plain, _ = fit_head(inputs[:, :D], LABELS, 4, dimension=D).logits(queries[:, :D])
    np.testing.assert_allclose(same, plain, atol=1e-3)


def test_a_negative_is_not_taken_for_its_route_and_the_rest_of_the_world_stays() -> None:
    plain = fit_head(INPUTS, LABELS, 4, dimension=D)
    wrong = CLOUDS.draw(np.full(1, 2, dtype=np.int32), seed=40)  # it looks like route 2
    assert plain.logits(wrong)[0].argmax() == 2
    negatives = Negatives(wrong, np.array([2], dtype=np.int32))
    taught = fit_head(INPUTS, LABELS, 4, dimension=D, negatives=negatives)
    logits = taught.logits(wrong)[0][0]
    others = np.delete(plain.logits(wrong)[0][0], 2).argmax()
    assert logits.argmax() != 2
    assert np.delete(logits, 2).argmax() == others  # where it was thought to belong next
    far = CLOUDS.draw(labels_of([5, 5, 0, 5]), seed=2)
    same = taught.logits(far)[0].argmax(axis=1) == plain.logits(far)[0].argmax(axis=1)
    assert same.all()


def test_no_negatives_are_as_none() -> None:
    none = Negatives(INPUTS[:0], LABELS[:0])
    one = fit_head(INPUTS, LABELS, 4, dimension=D, negatives=none)
    other = fit_head(INPUTS, LABELS, 4, dimension=D)
    np.testing.assert_array_equal(one.map.weights, other.map.weights)


def test_negatives_of_an_only_route_are_out_of_scope() -> None:
    labels = np.zeros(len(INPUTS), dtype=np.int32)
    strangers = CLOUDS.strangers(12, seed=3)
    negatives = Negatives(strangers, np.zeros(12, dtype=np.int32))
    logits, outside = fit_head(INPUTS, labels, 1, dimension=D, negatives=negatives).logits(
        np.concatenate([INPUTS, strangers])
    )
    assert outside is not None
    belongs = logits[:, 0] > outside
    assert belongs[: len(INPUTS)].all()
    assert not belongs[len(INPUTS) :].any()


def test_exemplars_that_are_all_alike_do_not_blow_up_what_differs_from_them() -> None:
    alike = np.repeat(INPUTS[:1], 4, axis=0)
    labels = np.array([0, 0, 1, 1], dtype=np.int32)
    negatives = Negatives(QUERIES[:3], np.zeros(3, dtype=np.int32))
    head = fit_head(alike, labels, 2, dimension=D, negatives=negatives)
    logits, _ = head.logits(np.concatenate([alike, QUERIES]))
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() < 100


def test_rows_that_are_not_known_teach_nothing() -> None:
    known = np.flatnonzero(np.arange(len(INPUTS)) % 3 > 0)
    inputs = INPUTS.copy()
    inputs[::3] = np.nan
    found = fit_head(inputs, LABELS, 4, dimension=D, known=known)
    plain = fit_head(INPUTS[known], LABELS[known], 4, dimension=D)
    np.testing.assert_array_equal(found.map.weights, plain.map.weights)


def many(sizes: list[int]) -> tuple[Floats, Labels]:
    labels = labels_of(sizes)
    return Clouds(len(sizes), dimension=4, inner=0).draw(labels, seed=1), labels


def test_of_very_many_exemplars_some_of_each_route_teach() -> None:
    inputs, labels = many([MOST_TAUGHT, 50, MOST_TAUGHT // 4])
    found = fit_head(inputs, labels, 3, dimension=4)
    chosen = evenly(labels, MOST_TAUGHT)
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    inputs[others] = np.nan
    same = fit_head(inputs, labels, 3, dimension=4)
    np.testing.assert_array_equal(found.map.weights, same.map.weights)


def test_where_routes_are_very_many_too_the_head_is_the_discriminant_of_all() -> None:
    routes = 2 * MOST_CELLS // MOST_TAUGHT
    inputs, labels = many([MOST_TAUGHT // routes + 2] * routes)
    found = fit_head(inputs, labels, routes, dimension=4)
    plain = fit_discriminant(lambda rows: inputs[rows], labels, routes, 4)
    np.testing.assert_allclose(found.map.weights, plain.weights, atol=1e-4)
    np.testing.assert_allclose(found.map.bias, plain.bias, atol=1e-4)
