"""Fits the guard's head over runs of letters: logistic regression over hashed, sparse features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.guard_letters import BUCKETS, LetterHead, letters_of
from waypost_server.core.lbfgs import minimise

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

STRENGTH = 30.0
"""How much texts count against the penalty on weights; from 10 to 100 are alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Letters:
    """Runs of letters of texts, as rows of a sparse matrix.

    Attributes:
        buckets: of all runs, text after text.
        values: what each counts.
        rows: which text each is of.
        count: how many texts there are.
    """

    buckets: npt.NDArray[np.int64]
    values: Floats
    rows: npt.NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Letters":
        """Those of some texts."""
        found = [letters_of(text) for text in texts]
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            np.concatenate([nothing, *(buckets for buckets, _ in found)]),
            np.concatenate([nothing.astype(np.float32), *(values for _, values in found)]),
            np.repeat(np.arange(len(found)), [len(buckets) for buckets, _ in found]),
            len(found),
        )

    def chosen(self, mask: Mask) -> "Letters":
        """Those of the texts that the mask, shape (count,), has."""
        kept = mask[self.rows]
        rows = (np.cumsum(mask) - 1)[self.rows[kept]]
        return Letters(self.buckets[kept], self.values[kept], rows, int(mask.sum()))

    def logits(self, head: LetterHead) -> Doubles:
        """Of each text, shape (count,)."""
        each = self.values * head.weights[self.buckets]
        sums = np.bincount(self.rows, weights=each, minlength=self.count).astype(np.float64)
        found: Doubles = sums + head.bias
        return found


def fit_letters(letters: Letters, is_one: Mask, weight: Doubles) -> LetterHead:
    """The head with the least STRENGTH * (weighted cross-entropies) + |weights|^2 / 2.

    Args:
        letters: of the texts.
        is_one: which of them are attacks.
        weight: how much each counts.
    """
    squares = np.bincount(
        letters.buckets, weights=weight[letters.rows] * letters.values**2, minlength=BUCKETS
    )
    # A cross-entropy bends by a quarter at most; the bias bears no penalty worth the name.
    bends = np.append(squares / 4 + 1 / STRENGTH, weight.sum() / 4 + 1e-6).astype(np.float32)

    def value(point: Floats) -> tuple[float, Floats]:
        logits = letters.logits(LetterHead(point[:-1], float(point[-1])))
        losses = np.logaddexp(0, logits) - is_one * logits
        penalty = float(np.square(point[:-1], dtype=np.float64).sum()) / 2 / STRENGTH
        missed = weight * (1 / (1 + np.exp(-logits)) - is_one)
        slope = np.bincount(
            letters.buckets, weights=letters.values * missed[letters.rows], minlength=BUCKETS
        )
        gradient = np.append(slope + point[:-1] / STRENGTH, missed.sum())
        return float(weight @ losses) + penalty, gradient.astype(np.float32)

    found = minimise(value, np.zeros(BUCKETS + 1, np.float32), lambda vector: vector / bends)
    # As the file keeps them: what is fitted is what is served.
    return LetterHead(found[:-1].astype(np.float16).astype(np.float32), float(found[-1]))
