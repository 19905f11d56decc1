"""The linear head: routes' logits from an encoding, fitted on exemplars alone.

A negative says which route a text does not belong to, not where it belongs. So the head is fitted
twice: what the first makes of the other routes is the share that each has of the negative in the
second, a step of expectation maximisation (Dempster, Laird and Rubin 1977) over where it belongs.
"""

from dataclasses import dataclass

import numpy as np

from waypost_server.core.discriminant import fit_discriminant
from waypost_server.core.sampling import Rows, evenly
from waypost_server.core.softmax import Floats, Labels, LinearMap, SharedExamples, fit_softmax

STRENGTH = 20.0
"""How much exemplars count against the penalty on weights; 10 to 50 are alike on validation."""

INNER_SCALE = 0.6
"""Length of the centred inner vector beside the unit vector; 0.4 to 0.8 are alike on validation."""

LEAST_SPREAD = 0.05
"""Of inner vectors about their mean, where that of real texts is ten times as much: a few exemplars
that are all alike must not blow up what tells a query, or a negative, from them."""

MOST_TAUGHT = 100_000
"""Exemplars that teach a head, evenly of all routes: more cost time and memory, and of 150 routes
that is 667 each, where from 50 to 100 CLINC150 gains 0.6 points."""

MOST_CELLS = 200_000_000
"""Exemplars times classes up to which a head is fitted in steps: minutes on two cores. Beyond, it
is found in closed form, which on three public sets ranks 1 to 3 points fewer queries right."""


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
    known: Rows | None = None,
) -> Head:
    """Fits a head.

    Of more than `MOST_TAUGHT` exemplars it learns from some; where they and the routes are more
    than `MOST_CELLS`, it is the discriminant of all exemplars, which no negatives teach.

    Args:
        inputs: encodings, the unit vector and then the inner one, shape (n, dimension + inner).
        labels: route ids, `routes` for out of scope, shape (n,).
        routes: how many routes there are.
        dimension: length of the unit vector.
        negatives: texts that do not belong to a route; with a single route, to none.
        known: rows of `inputs` that may teach, ascending; None for all of them.
    """
    known = np.arange(len(labels)) if known is None else known
    own = labels[known]
    chosen = evenly(own, MOST_TAUGHT)
    x, taught = inputs[known[chosen]], own[chosen]
    if negatives is not None and routes == 1:
        outside = np.ones(len(negatives.inputs), dtype=np.int32)
        x = np.concatenate([x, negatives.inputs])
        taught, negatives = np.concatenate([taught, outside]), None
    classes = routes + int(bool((taught == routes).any()))
    if classes < 2:
        shape = (inputs.shape[1], classes)
        return Head(LinearMap(np.zeros(shape, np.float32), np.zeros(classes, np.float32)), routes)
    centre, scale = _standardisation(x, dimension)
    if len(x) * classes > MOST_CELLS:
        fitted = fit_discriminant(
            lambda rows: (inputs[known[rows]] - centre) * scale, own, classes, inputs.shape[1]
        )
    else:
        x -= centre
        x *= scale
        fitted = fit_softmax(x, taught, classes, strength=STRENGTH)
        if negatives is not None and len(negatives.inputs):
            shared = _share_out((negatives.inputs - centre) * scale, negatives.routes, fitted)
            fitted = fit_softmax(x, taught, classes, strength=STRENGTH, shared=shared)
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
