"""Adam: steps along gradients of a batch each, every parameter at a pace of its own.

Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1; the rate
falls to nothing as in Loshchilov and Hutter, SGDR (2017), equation 5.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MEMORY, SQUARE_MEMORY = 0.9, 0.99
"""What is kept of past gradients and of their squares: a few hundred steps are too few for the
usual 0.999."""

EPSILON = 1e-8


def descend(
    gradient: Callable[[int, Floats, Floats], None],
    shape: tuple[int, ...],
    *,
    steps: int,
    rate: float,
) -> Floats:
    """Where so many steps from 0 lead.

    Args:
        gradient: given the step, from 0 on, and the parameters, it writes the gradient of that
            step's batch into its last argument.
        shape: of the parameters.
        steps: how many, at least 1.
        rate: the first steps' length in each parameter.
    """
    point, mean, square, found, scratch = (np.zeros(shape, dtype=np.float32) for _ in range(5))
    for step in range(steps):
        gradient(step, point, found)
        # In place throughout: new arrays a step would cost as much as the gradient.
        mean *= np.float32(MEMORY)
        np.multiply(found, np.float32(1 - MEMORY), out=scratch)
        mean += scratch
        square *= np.float32(SQUARE_MEMORY)
        np.multiply(found, found, out=scratch)
        scratch *= np.float32(1 - SQUARE_MEMORY)
        square += scratch
        np.sqrt(square, out=scratch)
        scratch *= np.float32(1 / np.sqrt(1 - SQUARE_MEMORY ** (step + 1)))
        scratch += np.float32(EPSILON)
        np.divide(mean, scratch, out=scratch)
        length = rate * (1 + np.cos(np.pi * step / steps)) / 2
        scratch *= np.float32(length / (1 - MEMORY ** (step + 1)))
        point -= scratch
    return point
