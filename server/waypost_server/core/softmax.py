"""Multinomial logistic regression, fitted by L-BFGS.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

HISTORY = 10
MAX_STEPS = 200
TOLERANCE = 1e-2
"""Largest gradient, relative to the first, at which a fit ends: a tenth of it moves no answer."""

MAX_HALVINGS = 20
"""A step shorter than this many halvings is lost in float32's rounding: the fit has ended."""

SUFFICIENT_DECREASE = 1e-4


@dataclass(frozen=True, slots=True)
class LinearMap:
    """Logits as `x @ weights + bias`; weights of shape (inputs, classes)."""

    weights: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """Logits of shape (n, classes) of inputs of shape (n, inputs)."""
        return x @ self.weights + self.bias


@dataclass(frozen=True, slots=True)
class SharedExamples:
    """Inputs that belong to several classes at once.

    Attributes:
        inputs: shape (k, inputs).
        shares: how much each class has of each, summing to 1, shape (k, classes).
    """

    inputs: Floats
    shares: Floats


def fit_softmax(
    x: Floats,
    labels: Labels,
    classes: int,
    *,
    strength: float,
    shared: SharedExamples | None = None,
) -> LinearMap:
    """The map that minimises strength * (sum of cross-entropies) + |weights|^2 / 2.

    Args:
        x: inputs, shape (n, inputs).
        labels: the class of each, in [0, classes), shape (n,).
        classes: how many classes.
        strength: how much the data count against the penalty (scikit-learn's C).
        shared: more examples, of several classes each.
    """
    count, inputs = x.shape
    rows = np.arange(count)
    shares = np.empty((0, classes), dtype=np.float32) if shared is None else shared.shares
    if shared is not None:
        x = np.concatenate([x, shared.inputs])
    with_bias = np.hstack([x, np.ones((len(x), 1), dtype=np.float32)])

    def loss_and_gradient(flat: Floats) -> tuple[float, Floats]:
        parameters = flat.reshape(inputs + 1, classes)
        logits = with_bias @ parameters
        logits -= logits.max(axis=1, keepdims=True)
        correct = logits[rows, labels].sum(dtype=np.float64)
        correct += (logits[count:] * shares).sum(dtype=np.float64)
        np.exp(logits, out=logits)
        totals = logits.sum(axis=1, keepdims=True)
        cross_entropy = float(np.log(totals).sum(dtype=np.float64) - correct)
        logits /= totals
        logits[rows, labels] -= 1
        logits[count:] -= shares
        gradient = strength * (with_bias.T @ logits)
        gradient[:-1] += parameters[:-1]
        penalty = float(np.square(parameters[:-1]).sum(dtype=np.float64)) / 2
        return strength * cross_entropy + penalty, gradient.astype(np.float32).ravel()

    # The Hessian is a mixture of such blocks, one a class; the share is that of a class as large as
    # the others. Without it, L-BFGS needs five times the steps.
    share = strength * (1 / classes) * (1 - 1 / classes)
    block = np.float32(share) * (with_bias.T @ with_bias) + np.eye(inputs + 1, dtype=np.float32)
    inverse = np.linalg.inv(block).astype(np.float32)

    def precondition(flat: Floats) -> Floats:
        return np.ravel(inverse @ flat.reshape(inputs + 1, classes))

    start = np.zeros((inputs + 1) * classes, dtype=np.float32)
    found = _minimise(loss_and_gradient, start, precondition)
    parameters = found.reshape(inputs + 1, classes)
    return LinearMap(parameters[:-1].copy(), parameters[-1].copy())


def _minimise(
    function: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    precondition: Callable[[Floats], Floats],
) -> Floats:
    """L-BFGS with a backtracking line search; `function` is smooth and convex."""
    point, (loss, gradient) = start, function(start)
    tolerance = TOLERANCE * float(np.abs(gradient).max())
    history: list[tuple[Floats, Floats, float]] = []
    for _ in range(MAX_STEPS):
        if float(np.abs(gradient).max()) <= tolerance:
            break
        direction = _direction(gradient, history, precondition)
        slope = _dot(gradient, direction)
        step = 1.0
        for _ in range(MAX_HALVINGS):
            candidate = point + np.float32(step) * direction
            new_loss, new_gradient = function(candidate)
            if new_loss <= loss + SUFFICIENT_DECREASE * step * slope:
                break
            step /= 2
        else:
            return point
        moved, turned = candidate - point, new_gradient - gradient
        curvature = _dot(moved, turned)
        if curvature > 0:
            history = [*history[-HISTORY + 1 :], (moved, turned, 1 / curvature)]
        point, loss, gradient = candidate, new_loss, new_gradient
    return point


def _direction(
    gradient: Floats,
    history: list[tuple[Floats, Floats, float]],
    precondition: Callable[[Floats], Floats],
) -> Floats:
    """Minus the gradient times the inverse Hessian as the last steps suggest it."""
    direction = -gradient
    factors = []
    for moved, turned, inverse in reversed(history):
        factor = inverse * _dot(moved, direction)
        factors.append(factor)
        direction -= np.float32(factor) * turned
    direction = precondition(direction)
    if history:
        moved, turned, inverse = history[-1]
        direction *= np.float32(1 / (inverse * _dot(turned, precondition(turned))))
    for (moved, turned, inverse), factor in zip(history, reversed(factors), strict=True):
        direction += np.float32(factor - inverse * _dot(turned, direction)) * moved
    return direction


def _dot(a: Floats, b: Floats) -> float:
    return float(np.dot(a, b))
