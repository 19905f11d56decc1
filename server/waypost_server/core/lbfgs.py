"""L-BFGS: steps to the least value of a smooth and convex function.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

HISTORY = 10
MAX_STEPS = 200
TOLERANCE = 1e-5
"""How far above the least a value may be, as a share of it: what a Newton step would gain by the
curvature that the last steps suggest. Accuracy asks for a hundredth of that, the calibration of a
few exemplars for all of it: with 3e-4 strangers to three routes of six seem a twentieth as likely
to belong to them as at the least value."""

MAX_HALVINGS = 20
"""A step shorter than this many halvings is lost in float32's rounding: the search has ended."""

SUFFICIENT_DECREASE = 1e-4


def minimise(
    function: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    precondition: Callable[[Floats], Floats],
) -> Floats:
    """The point where the search ends.

    Args:
        function: gives the value, above 0, and the gradient at a point.
        start: where to begin, shape (n,).
        precondition: multiplies by what is near to the inverse Hessian.
    """
    point, (value, gradient) = start, function(start)
    history: list[tuple[Floats, Floats, float]] = []
    for _ in range(MAX_STEPS):
        direction = _direction(gradient, history, precondition)
        slope = _dot(gradient, direction)
        if (history and -slope / 2 <= TOLERANCE * value) or slope == 0:
            break
        step = 1.0
        for _ in range(MAX_HALVINGS):
            candidate = point + np.float32(step) * direction
            new_value, new_gradient = function(candidate)
            if new_value <= value + SUFFICIENT_DECREASE * step * slope:
                break
            step /= 2
        else:
            return point
        moved, turned = candidate - point, new_gradient - gradient
        curvature = _dot(moved, turned)
        if curvature > 0:
            history = [*history[-HISTORY + 1 :], (moved, turned, 1 / curvature)]
        point, value, gradient = candidate, new_value, new_gradient
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
