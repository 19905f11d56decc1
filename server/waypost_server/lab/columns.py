"""Judged queries as columns of numbers, so that figures of many resamples are a few products."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.outcome import Outcome
from waypost_server.lab.judged import Judged

Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

Weights = Doubles
"""How often each of n queries counts in each of B resamples, shape (B, n), whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """n queries by rising confidence; each column has shape (n,).

    Attributes:
        confidence: that the best candidate is right.
        sure: whether that is at least the least confidence of a match.
        in_scope: whether it belongs to a route.
        best_right: whether the best candidate is the label.
        routed_right: whether it went to the label's route.
        fell_back: whether the outcome is FALLBACK.
        called_oos: whether the outcome is OUT_OF_SCOPE.
        label: position of the label among the routes; -1 for out of scope.
        called: position of what it was taken for; -1 for out of scope.
        routes: how many routes there are.
    """

    confidence: Doubles
    sure: Mask
    in_scope: Mask
    best_right: Mask
    routed_right: Mask
    fell_back: Mask
    called_oos: Mask
    label: Ints
    called: Ints
    routes: int

    @classmethod
    def of(
        cls, judged: Sequence[Judged], *, routes: Sequence[str], min_confidence: float
    ) -> "Columns":
        """The columns of judged queries."""
        rows = sorted(judged, key=lambda row: row.confidence)
        position = {route: i for i, route in enumerate(routes)}
        confidence = np.array([row.confidence for row in rows], dtype=np.float64)
        return cls(
            confidence=confidence,
            sure=confidence >= min_confidence,
            in_scope=np.array([row.query.in_scope for row in rows], dtype=bool),
            best_right=np.array([row.best == row.query.label for row in rows], dtype=bool),
            routed_right=np.array([row.route == row.query.label for row in rows], dtype=bool),
            fell_back=np.array([row.outcome is Outcome.FALLBACK for row in rows], dtype=bool),
            called_oos=np.array([row.outcome is Outcome.OUT_OF_SCOPE for row in rows], dtype=bool),
            label=np.array([position.get(row.query.label, -1) for row in rows], dtype=np.int64),
            called=np.array([position.get(row.called, -1) for row in rows], dtype=np.int64),
            routes=len(routes),
        )
