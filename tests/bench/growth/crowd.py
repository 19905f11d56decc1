"""Exemplars in any number: real texts' encodings, and seeded noise about them for what lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.halves import halve
from waypost_server.core.ports import Encodings

SEED = 20251
NEAREST_COPY, FARTHEST_COPY = 0.95, 0.8
"""Cosines of a copy and the text that it is made from."""

AT_ONCE = 50_000
ALIKE = 4
"""Texts that are left in an order of their own."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """Exemplars of routes of nearly equal size, the rows of a route side by side.

    Attributes:
        encodings: shape (n, width), rounded as a build rounds them.
        texts: one for each.
        routes: for each the number of its route, shape (n,), ascending.
    """

    encodings: Encodings
    texts: Sequence[str]
    routes: Places


def gather(
    texts: Sequence[str], encodings: Encodings, *, dimension: int, count: int, routes: int
) -> Crowd:
    """A crowd of `count` exemplars in `routes` routes.

    Args:
        texts: real texts.
        encodings: of them, shape (len(texts), width).
        dimension: length of the unit vector at the front of an encoding.
        count: exemplars wanted; beyond the texts there are, they are copies with noise.
        routes: routes wanted, at most `count`.
    """
    random = np.random.default_rng(SEED)
    used = random.permutation(len(texts))[:count]
    used = used[_alike(encodings[used, :dimension], random)]
    origins = used[np.arange(count) * len(used) // count]
    first = np.concatenate([[True], origins[1:] != origins[:-1]])
    made = np.empty((count, encodings.shape[1]), dtype=np.float32)
    spread = _spread(encodings[:, :dimension])
    for start in range(0, count, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        part = encodings[origins[rows]]
        noisy = ~first[rows]
        part[noisy, :dimension] = _copies(part[noisy, :dimension], spread, random)
        made[rows] = halve(part)
    numbers = np.arange(count) - np.maximum.accumulate(np.where(first, np.arange(count), 0))
    return Crowd(
        encodings=made,
        texts=[
            f"{texts[origin]} ({number})" if number else texts[origin]
            for origin, number in zip(origins.tolist(), numbers.tolist(), strict=True)
        ],
        routes=np.arange(count) * routes // count,
    )


def _alike(vectors: Encodings, random: np.random.Generator) -> Places:
    """An order in which vectors that are alike stand together, by splitting at medians."""
    parts, done = [np.arange(len(vectors))], False
    while not done:
        done, halves = True, []
        for part in parts:
            if len(part) <= ALIKE:
                halves.append(part)
                continue
            one, other = random.choice(part, 2, replace=False)
            order = part[np.argsort(vectors[part] @ (vectors[one] - vectors[other]))]
            halves += [order[: len(order) // 2], order[len(order) // 2 :]]
            done = False
        parts = halves
    return np.concatenate(parts)


def _spread(vectors: Encodings) -> Encodings:
    """What turns white noise into noise that spreads as real vectors do about their mean."""
    covariance = np.cov(vectors, rowvar=False) + 1e-6 * np.eye(vectors.shape[1])
    return np.asarray(np.linalg.cholesky(covariance).T, dtype=np.float32)


def _copies(vectors: Encodings, spread: Encodings, random: np.random.Generator) -> Encodings:
    noise = random.standard_normal(vectors.shape, dtype=np.float32) @ spread
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    cosines = random.uniform(FARTHEST_COPY, NEAREST_COPY, (len(vectors), 1)).astype(np.float32)
    made: Encodings = cosines * vectors + np.sqrt(1 - cosines**2) * noise
    return made
