"""Intervals of figures, by resampling the queries (Efron 1979)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from waypost_server.lab.columns import Columns, Doubles, Ints, Weights

RESAMPLES = 1_000
LEVEL = 0.95

CHUNK_CELLS = 2_000_000
"""Cells of weights held at a time: 16 MB."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure's value on the queries, and its 95% interval."""

    value: float
    low: float
    high: float


def measure(
    columns: Columns, figures: Mapping[str, Callable[[Columns, Weights], Doubles]], *, seed: int
) -> dict[str, Measured | None]:
    """Each figure with its interval; None where the queries cannot tell.

    Queries in scope and out of scope are resampled apart: how many there are of each was chosen by
    whoever wrote the file. Resamples are moved so that their mean is the figure itself: a query
    drawn twice looks like miscalibration, so that without it ECE would lie below its own interval.
    """
    once = np.ones((1, len(columns.confidence)))
    drawn: dict[str, list[Doubles]] = {name: [] for name in figures}
    for weights in _resamples(columns, seed):
        for name, compute in figures.items():
            drawn[name].append(compute(columns, weights))
    return {
        name: _interval(float(compute(columns, once)[0]), np.concatenate(drawn[name]))
        for name, compute in figures.items()
    }


def _interval(value: float, drawn: Doubles) -> Measured | None:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value):
        return None
    if not len(known):
        return Measured(value, 0.0, 1.0)
    moved = known - known.mean() + value
    low, high = np.quantile(moved, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # Rounding aside, the value lies within; and no figure leaves [0, 1].
    return Measured(value, max(0.0, min(float(low), value)), min(1.0, max(float(high), value)))


def _resamples(columns: Columns, seed: int) -> Iterator[Weights]:
    rng = np.random.default_rng(seed)
    size = len(columns.confidence)
    strata = [np.flatnonzero(columns.in_scope), np.flatnonzero(~columns.in_scope)]
    chunk = max(1, CHUNK_CELLS // size)
    for start in range(0, RESAMPLES, chunk):
        weights = np.zeros((min(chunk, RESAMPLES - start), size))
        for stratum in strata:
            weights[:, stratum] = _counts(rng, len(weights), len(stratum))
        yield weights


def _counts(rng: np.random.Generator, rows: int, size: int) -> Ints:
    """How often each of `size` is among `size` drawn with replacement, shape (rows, size)."""
    if size == 0:
        return np.zeros((rows, 0), dtype=np.int64)
    cells = rng.integers(size, size=(rows, size)) + size * np.arange(rows)[:, np.newaxis]
    return np.bincount(cells.ravel(), minlength=rows * size).reshape(rows, size)
