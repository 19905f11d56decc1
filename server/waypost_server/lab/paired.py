"""Two routers on the same queries: by how much one is better, with intervals that pair queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waypost_server.core.outcome import Outcome
from waypost_server.lab.bootstrap import LEVEL
from waypost_server.lab.judged import Judged

RESAMPLES = 10_000
SEED = 0

CHUNK_CELLS = 4_000_000
"""Draws held at a time: 32 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much better the second router is.

    Attributes:
        figure: what was compared.
        meaning: what it is, in one line; more is better.
        before: mean of the first router.
        after: mean of the second.
        low: end of the interval of `after - before`, which holds for all figures together.
        high: the other end.
    """

    figure: str
    meaning: str
    before: float
    after: float
    low: float
    high: float


def _recognised(row: Judged) -> float:
    return float(row.is_right)


def _sent_right(row: Judged) -> float:
    if row.query.in_scope:
        return float(row.route == row.query.label)
    return float(row.outcome in (Outcome.OUT_OF_SCOPE, Outcome.FALLBACK))


def _sharpness(row: Judged) -> float:
    return 1 - (row.confidence - float(row.best == row.query.label)) ** 2


FIGURES: Mapping[str, tuple[str, Callable[[Judged], float]]] = {
    "recognised": ("taken for what the label says, out of scope included", _recognised),
    "sent_right": ("went to the label's route; out of scope: to none", _sent_right),
    "confidence": ("1 - Brier score of the confidence that the best route is right", _sharpness),
}


def differences(before: Sequence[Judged], after: Sequence[Judged]) -> tuple[Difference, ...]:
    """What changed between two routers' answers to the same queries, in the same order.

    Percentile intervals of a bootstrap of pairs (Efron 1979), each wider than `LEVEL` by
    Bonferroni's correction, so that by luck alone one in twenty trials shows a difference at all.
    """
    figures = list(FIGURES.items())
    gains = np.array(
        [
            [of(new) - of(old) for old, new in zip(before, after, strict=True)]
            for _, (_, of) in figures
        ]
    )
    tail = (1 - LEVEL) / 2 / len(figures)
    low, high = np.quantile(_means(gains), [tail, 1 - tail], axis=0)
    return tuple(
        Difference(
            figure=name,
            meaning=meaning,
            before=float(np.mean([of(row) for row in before])),
            after=float(np.mean([of(row) for row in after])),
            low=float(low[i]),
            high=float(high[i]),
        )
        for i, (name, (meaning, of)) in enumerate(figures)
    )


def _means(
    gains: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Mean gains in each resample, shape (RESAMPLES, figures)."""
    rng = np.random.default_rng(SEED)
    size = gains.shape[1]
    height = max(1, CHUNK_CELLS // size)
    parts = []
    for start in range(0, RESAMPLES, height):
        drawn = rng.integers(size, size=(min(height, RESAMPLES - start), size))
        parts.append(gains[:, drawn].mean(axis=2).T)
    return np.concatenate(parts)
