"""The linear head: routes' logits from an encoding, fitted on exemplars alone.

A negative says which route a text does not belong to, not where it belongs. So the head is fitted
twice: what the first makes of the other routes is the share that each has of the negative in the
second, a step of expectation maximisation (Dempster, Laird and Rubin 1977) over where it belongs.
"""

from dataclasses import dataclass

import numpy as np

from waypost_server.core.softmax import Floats, Labels, LinearMap, SharedExamples, fit_softmax

STRENGTH = 20.0
"""How much exemplars count against the penalty on weights; 10 to 50 are alike on validation."""

INNER_SCALE = 0.6
"""Length of the centred inner vector beside the unit vector; 0.4 to 0.8 are alike on validation."""

LEAST_SPREAD = 0.05
"""Of inner vectors about their mean, where that of real texts is ten times as much: a few exemplars
that are all alike must not blow up what tells a query, or a negative, from them."""


@dataclass(frozen=True, slots=True)
class Negatives:
    """Encodings, shape (k, width), and the route that each does not belong to, shape (k,)."""

    inputs: Floats
    routes: Labels

    def unlike(self, inputs: Floats) -> "Negatives":
        """Those that are none of `inputs`: a text that is held out must not teach as a negative."""
        held = {row.tobytes() for row in inputs}
        kept = np.array([row.tobytes() not in held for row in self.inputs], dtype=np.bool_)
        return Negatives(self.inputs[kept], self.routes[kept])


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


def fit_head(
    inputs: Floats,
    labels: Labels,
    routes: int,
    *,
    dimension: int,
    negatives: Negatives | None = None,
) -> Head:
    """Fits a head.

    Args:
        inputs: encodings, the unit vector and then the inner one, shape (n, dimension + inner).
        labels: route ids, `routes` for out of scope, shape (n,).
        routes: how many routes there are.
        dimension: length of the unit vector.
        negatives: texts that do not belong to a route; with a single route, to none.
    """
    if negatives is not None and routes == 1:
        outside = np.ones(len(negatives.inputs), dtype=np.int32)
        inputs = np.concatenate([inputs, negatives.inputs])
        labels, negatives = np.concatenate([labels, outside]), None
    classes = routes + int(bool((labels == routes).any()))
    if classes < 2:
        shape = (inputs.shape[1], classes)
        return Head(LinearMap(np.zeros(shape, np.float32), np.zeros(classes, np.float32)), routes)
    centre, scale = _standardisation(inputs, dimension)
    x = (inputs - centre) * scale
    fitted = fit_softmax(x, labels, classes, strength=STRENGTH)
    if negatives is not None and len(negatives.inputs):
        shared = _share_out((negatives.inputs - centre) * scale, negatives.routes, fitted)
        fitted = fit_softmax(x, labels, classes, strength=STRENGTH, shared=shared)
    # Folded into the map, so that serving multiplies once.
    weights = fitted.weights * scale[:, np.newaxis]
    return Head(LinearMap(weights, fitted.bias - centre @ weights), routes)


def _share_out(x: Floats, not_of: Labels, fitted: LinearMap) -> SharedExamples:
    """Where negatives belong, as far as `fitted` can tell, given where they do not."""
    logits = fitted(x)
    logits[np.arange(len(x)), not_of] = -np.inf
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return SharedExamples(x, powers / powers.sum(axis=1, keepdims=True))


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
        scale[dimension:] = INNER_SCALE / max(float(spread), LEAST_SPREAD)
    return centre, scale
