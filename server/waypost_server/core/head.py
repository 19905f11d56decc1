"""The linear head: routes' logits from an encoding, fitted on exemplars alone."""

from dataclasses import dataclass

import numpy as np

from waypost_server.core.softmax import Floats, Labels, LinearMap, fit_softmax

STRENGTH = 20.0
"""How much exemplars count against the penalty on weights; 10 to 50 are alike on validation."""

INNER_SCALE = 0.6
"""Length of the centred inner vector beside the unit vector; 0.4 to 0.8 are alike on validation."""


@dataclass(frozen=True, slots=True)
class Head:
    """Logits of R routes, and of out of scope as class R when it was given examples of that."""

    map: LinearMap
    routes: int

    def logits(self, inputs: Floats) -> tuple[Floats, Floats | None]:
        """Logits of the routes, shape (n, R), and of out of scope, shape (n,), if known."""
        found = self.map(inputs)
        outside = found[:, self.routes] if found.shape[1] > self.routes else None
        return found[:, : self.routes], outside


def fit_head(inputs: Floats, labels: Labels, routes: int, *, dimension: int) -> Head:
    """Fits a head.

    Args:
        inputs: encodings, the unit vector and then the inner one, shape (n, dimension + inner).
        labels: route ids, `routes` for out of scope, shape (n,).
        routes: how many routes there are.
        dimension: length of the unit vector.
    """
    classes = routes + int(bool((labels == routes).any()))
    if classes < 2:
        shape = (inputs.shape[1], classes)
        return Head(LinearMap(np.zeros(shape, np.float32), np.zeros(classes, np.float32)), routes)
    centre, scale = _standardisation(inputs, dimension)
    fitted = fit_softmax((inputs - centre) * scale, labels, classes, strength=STRENGTH)
    # Folded into the map, so that serving multiplies once.
    weights = fitted.weights * scale[:, np.newaxis]
    return Head(LinearMap(weights, fitted.bias - centre @ weights), routes)


def _standardisation(inputs: Floats, dimension: int) -> tuple[Floats, Floats]:
    """Centre and scale of each input: none for the unit vector, one for the inner vector.

    Inner vectors of all texts point nearly the same way; what tells them apart is left when their
    mean is taken out.
    """
    centre = np.zeros(inputs.shape[1], dtype=np.float32)
    scale = np.ones(inputs.shape[1], dtype=np.float32)
    inner = inputs[:, dimension:]
    if inner.shape[1]:
        centre[dimension:] = inner.mean(axis=0)
        spread = np.sqrt(np.square(inner - centre[dimension:]).sum(axis=1).mean())
        scale[dimension:] = INNER_SCALE / max(float(spread), 1e-6)
    return centre, scale
