import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.softmax import (
    TOLERANCE,
    Floats,
    Labels,
    LinearMap,
    SharedExamples,
    fit_softmax,
)

PROBLEMS = {
    "sizes": st.lists(st.integers(1, 12), min_size=2, max_size=6),
    "strength": st.sampled_from([0.1, 1.0, 20.0, 100.0]),
    "seed": st.integers(0, 1000),
}


def problem(sizes: list[int], seed: int) -> tuple[Floats, Labels]:
    labels = labels_of(sizes)
    return Clouds(len(sizes), dimension=6, inner=0, spread=1.0).draw(labels, seed=seed), labels


def probabilities(
    linear: LinearMap, x: Floats
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    powers = np.exp(linear(x).astype(np.float64))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def loss(linear: LinearMap, x: Floats, labels: Labels, strength: float) -> float:
    """The objective as the docstring states it, in double precision."""
    right = probabilities(linear, x)[np.arange(len(x)), labels]
    penalty = np.square(linear.weights.astype(np.float64)).sum() / 2
    return float(-strength * np.log(right).sum() + penalty)


def largest_gradient(linear: LinearMap, x: Floats, labels: Labels, strength: float) -> float:
    """By the textbook's formula."""
    error = probabilities(linear, x) - np.eye(len(linear.bias))[labels]
    weights = strength * x.T @ error + linear.weights
    return float(max(np.abs(weights).max(), np.abs(strength * error.sum(axis=0)).max()))


@settings(deadline=None, max_examples=50)
@given(**PROBLEMS)
def test_the_gradient_at_the_end_is_a_hundredth_of_that_at_the_start(
    sizes: list[int], strength: float, seed: int
) -> None:
    x, labels = problem(sizes, seed)
    found = fit_softmax(x, labels, len(sizes), strength=strength)
    start = LinearMap(np.zeros_like(found.weights), np.zeros_like(found.bias))
    allowed = TOLERANCE * largest_gradient(start, x, labels, strength)
    assert largest_gradient(found, x, labels, strength) <= 1.05 * allowed + 1e-4


NEARLY_LEAST = 0.97
"""Where the gradient is a hundredth of the first, the loss may be 2% above the least (Newton's
method in double precision, 600 such problems, strength up to that of the head)."""


@settings(deadline=None, max_examples=50)
@given(**PROBLEMS | {"strength": st.sampled_from([0.1, 1.0, 20.0])})
def test_no_other_map_near_by_is_better(sizes: list[int], strength: float, seed: int) -> None:
    x, labels = problem(sizes, seed)
    found = fit_softmax(x, labels, len(sizes), strength=strength)
    least = loss(found, x, labels, strength)
    random = np.random.default_rng(seed)
    for size in (0.1, 0.3, 1.0):
        weights = found.weights + random.normal(scale=size, size=found.weights.shape)
        bias = found.bias + random.normal(scale=size, size=found.bias.shape)
        other = LinearMap(weights.astype(np.float32), bias.astype(np.float32))
        assert loss(other, x, labels, strength) >= NEARLY_LEAST * least


GOLDEN = {
    0.5: [
        [0.18813, 0.19867, 0.61321],
        [0.13984, 0.51441, 0.34574],
        [0.51971, 0.46047, 0.01982],
        [0.89435, 0.10144, 0.00422],
    ],
    20.0: [
        [0.00520, 0.11668, 0.87812],
        [0.01034, 0.70308, 0.28658],
        [0.98589, 0.01411, 0.00000],
        [0.99996, 0.00004, 0.00000],
    ],
}
"""predict_proba of scikit-learn 1.9.1's LogisticRegression(C=strength, tol=1e-10)."""


@pytest.mark.parametrize("strength", GOLDEN)
def test_probabilities_are_those_of_scikit_learn(strength: float) -> None:
    labels = np.arange(24, dtype=np.int32) % 3
    x = np.sin(np.arange(24 * 5).reshape(24, 5) * 1.7 + 0.3).astype(np.float32)
    x[:, 0] += labels
    queries = np.cos(np.arange(4 * 5).reshape(4, 5)).astype(np.float32)
    found = fit_softmax(x, labels, 3, strength=strength)
    # Fits end a hundredth of the way from the optimum: that is worth two points of probability.
    np.testing.assert_allclose(probabilities(found, queries), GOLDEN[strength], atol=0.03)
    assert found(queries).argmax(axis=1).tolist() == [2, 1, 0, 0]


def test_the_same_data_give_the_same_map_to_the_bit() -> None:
    x, labels = problem([5, 9, 3, 7], 1)
    one, other = (fit_softmax(x.copy(), labels.copy(), 4, strength=20.0) for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.bias, other.bias)


def test_a_class_without_examples_is_the_least_likely() -> None:
    x, labels = problem([8, 8], 3)
    found = fit_softmax(x, labels, 3, strength=20.0)
    assert np.isfinite(found.weights).all()
    assert (found(x).argmin(axis=1) == 2).all()


def test_one_text_in_two_classes_gives_both_the_same_chance() -> None:
    x = np.tile(np.eye(4, dtype=np.float32)[:2], (2, 1))
    found = fit_softmax(x, np.array([0, 2, 1, 2], dtype=np.int32), 3, strength=20.0)
    first = probabilities(found, x)[0]
    assert first[0] == pytest.approx(first[1], abs=1e-3)
    assert first[2] < 0.2


@settings(deadline=None, max_examples=20)
@given(**PROBLEMS)
def test_an_example_that_is_wholly_of_one_class_may_as_well_be_a_shared_one(
    sizes: list[int], strength: float, seed: int
) -> None:
    x, labels = problem(sizes, seed)
    plain = fit_softmax(x, labels, len(sizes), strength=strength)
    half = len(x) // 2
    shares = np.eye(len(sizes), dtype=np.float32)[labels[half:]]
    shared = fit_softmax(
        x[:half],
        labels[:half],
        len(sizes),
        strength=strength,
        shared=SharedExamples(x[half:], shares),
    )
    np.testing.assert_allclose(shared.weights, plain.weights, atol=1e-4)
    np.testing.assert_allclose(shared.bias, plain.bias, atol=1e-4)


def test_an_example_shared_by_two_classes_is_as_likely_in_both() -> None:
    x, labels = problem([5, 5, 5], 1)
    shares = np.array([[0.5, 0.5, 0.0]], dtype=np.float32)
    where = x[labels == 2][:1]  # it looks like the third
    found = fit_softmax(
        x,
        labels,
        3,
        strength=20.0,
        shared=SharedExamples(np.repeat(where, 30, 0), np.repeat(shares, 30, 0)),
    )
    first, second, third = probabilities(found, where)[0]
    assert first == pytest.approx(second, abs=0.05)
    assert third < 0.1
