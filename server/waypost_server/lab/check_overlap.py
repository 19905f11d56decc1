"""Pairs of routes that lie in the same place, whether or not the head tells them apart."""

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.patient import Patient

Doubles = npt.NDArray[np.float64]

SAME_PLACE = 0.9
"""Mean cosine across two routes, relative to the mean within them: of CLINC150's 11,175 pairs
(10 a route) two reach it, "yes" and "no" and "user_name" and "what_is_your_name"."""

RELATED = 0.1
"""Mean cosine within routes under which it says nothing: across the shipped code_review and
general_engineering, which are unlike, it is 0.04."""


def check_overlap(patient: Patient, *, known: Collection[tuple[str, ...]]) -> Iterator[Finding]:
    """Pairs as similar across as within, but for those `known` already; the likest first."""
    routes = patient.exemplars.routes
    across, within = _mean_cosines(patient)
    ratios = np.triu(across / np.maximum(within, RELATED), k=1)
    ratios[within < RELATED] = 0
    pairs = np.argwhere(ratios >= SAME_PLACE).tolist()
    for first, second in sorted(pairs, key=lambda pair: (-ratios[pair[0], pair[1]], pair)):
        names = (routes[first], routes[second])
        if names not in known:
            yield Finding(
                kind=Kind.CONFUSABLE,
                severity=Severity.HINT,
                routes=names,
                problem=f"Exemplars of {names[0]} and {names[1]} are as similar across the two as "
                "within each.",
                sentences=patient.sentences(_closest(patient, first, second)),
                figures={
                    "mean_cosine_across": float(across[first, second]),
                    "mean_cosine_within": float(within[first, second]),
                },
                cure="See whether a reader could tell which route a query belongs to; if not, "
                "merge them.",
            )


def _mean_cosines(patient: Patient) -> tuple[Doubles, Doubles]:
    """Of all pairs of exemplars: across two routes, and the mean of the two within; shape (R, R).

    The mean cosine of two sets of unit vectors is the product of their means.
    """
    table = patient.exemplars
    sizes = table.sizes.astype(np.float64)
    starts = np.cumsum(table.sizes) - table.sizes
    sums = np.add.reduceat(patient.vectors.astype(np.float64), starts, axis=0)
    across = (sums @ sums.T) / np.outer(sizes, sizes)
    others = np.square(sums).sum(axis=1) - sizes
    own = np.where(sizes > 1, others / np.maximum(sizes * (sizes - 1), 1), 0)
    within = np.add.outer(own, own) / 2
    within[sizes < 2, :] = within[:, sizes < 2] = 0
    return across, within


def _closest(patient: Patient, first: int, second: int) -> list[int]:
    """The two exemplars that are nearest across two routes."""
    table = patient.exemplars
    cosines = patient.vectors[table.rows_of(first)] @ patient.vectors[table.rows_of(second)].T
    row, column = divmod(int(cosines.argmax()), cosines.shape[1])
    return [table.rows_of(first).start + row, table.rows_of(second).start + column]
