import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.softmax import (
    FEW,
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


def least_loss(x: Floats, labels: Labels, classes: int, strength: float) -> float:
    """By Newton's method on the whole Hessian, in double precision."""
    ones = np.hstack([x, np.ones((len(x), 1))]).astype(np.float64)
    inputs = ones.shape[1]
    penalty = np.tile(np.append(np.ones(inputs - 1), 0.0), classes)
    target, theta = np.eye(classes)[labels], np.zeros(inputs * classes)

    def loss_at(theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        logits = ones @ theta.reshape(classes, inputs).T
        misfit = np.logaddexp.reduce(logits, axis=1) - (logits * target).sum(axis=1)
        return float(strength * misfit.sum() + penalty @ np.square(theta) / 2)

    for _ in range(60):
        logits = ones @ theta.reshape(classes, inputs).T
        p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        gradient = strength * ((p - target).T @ ones).ravel() + penalty * theta
        spread = np.einsum("nk,kl->nkl", p, np.eye(classes)) - np.einsum("nk,nl->nkl", p, p)
        hessian = strength * np.einsum("nkl,ni,nj->kilj", spread, ones, ones)
        square = hessian.reshape(len(theta), -1) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(square, gradient)
        while loss_at(theta - step) > loss_at(theta) and np.abs(step).max() > 1e-9:
            step /= 2
        theta = theta - step
    return loss_at(theta)


@settings(deadline=None, max_examples=40)
@given(**PROBLEMS)
def test_the_loss_is_hardly_above_the_least(sizes: list[int], strength: float, seed: int) -> None:
    x, labels = problem(sizes, seed)
    found = fit_softmax(x, labels, len(sizes), strength=strength)
    least = least_loss(x, labels, len(sizes), strength)
    assert loss(found, x, labels, strength) <= 1.001 * least + 1e-3


def test_of_many_examples_it_comes_near_the_least_loss_too_and_finds_the_same_classes() -> None:
    sizes = [FEW // 4 + 10 * i for i in range(4)]
    x, labels = problem(sizes, 5)
    found = fit_softmax(x, labels, len(sizes), strength=20.0)
    least = least_loss(x, labels, len(sizes), 20.0)
    assert loss(found, x, labels, 20.0) <= 1.02 * least


def test_of_many_examples_their_order_matters_not() -> None:
    x, labels = problem([FEW // 2, FEW // 2, 9], 6)
    shuffled = np.random.default_rng(0).permutation(len(x))
    one = fit_softmax(x, labels, 3, strength=20.0)
    other = fit_softmax(x[shuffled], labels[shuffled], 3, strength=20.0)
    np.testing.assert_allclose(other(x), one(x), atol=0.5)


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
    # Fits end just above the least loss: that may be worth two points of probability.
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


def test_of_many_examples_too_one_may_as_well_be_shared() -> None:
    x, labels = problem([FEW, FEW // 2, 300], 2)
    plain = fit_softmax(x, labels, 3, strength=20.0)
    order = np.random.default_rng(1).permutation(len(x))
    told, shared = order[200:], order[:200]
    shares = SharedExamples(x[shared], np.eye(3, dtype=np.float32)[labels[shared]])
    found = fit_softmax(x[told], labels[told], 3, strength=20.0, shared=shares)
    assert loss(found, x, labels, 20.0) <= 1.02 * loss(plain, x, labels, 20.0)


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
