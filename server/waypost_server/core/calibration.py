"""From evidence to probability.

confidence = P(the best route is right, if the query belongs anywhere) * P(it belongs anywhere).
The first is a logistic regression (Platt 1999) on held-out exemplars, the second novelty detection
against them, and a third regression puts the product on scale. With few exemplars the fits stay
near what three public data sets agree on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from waypost_server.core.crossfit import HeldOut
from waypost_server.core.evidence import Evidence

Doubles = npt.NDArray[np.float64]

NOVEL_SHARE = 0.02
"""Share of held-out exemplars that count as belonging nowhere: with it, 70 to 75% of the strangers
to CLINC150 and to the shipped routes do (validation)."""

NOVELTY_SLOPE = 2.0
"""Log-odds of belonging somewhere that one spread of the evidence is worth; 1.5 to 3 are alike."""

LOOSE, TIGHT = 0.3, 0.6
"""Closeness of exemplars in broad routes, whose head likes anything, and in narrow ones."""

PRIOR_WEIGHT = 1.0
"""How strongly a fit is drawn to its prior, in units of a coefficient of 1."""

LEAD_UNIT, CLOSENESS_UNIT = 1.5, 0.15
"""Typical spreads: a coefficient of 1 means as much in each."""

TYPICAL_CLOSENESS = 0.5
"""Closeness counts from here, so that its coefficient, which a few exemplars can turn far, does not
stand in for the intercept, which they cannot."""

NEWTON_STEPS = 30


class CalibrationMethod(StrEnum):
    """What the calibration was fitted on."""

    NONE = "NONE"
    CROSS_FITTED = "CROSS_FITTED"
    HELD_OUT = "HELD_OUT"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients, the intercept last.

    Attributes:
        method: what they were fitted on.
        right: of lead and of closeness above `TYPICAL_CLOSENESS`.
        scope: of logit and surroundings.
        final: of the log-odds of the product.
    """

    method: CalibrationMethod
    right: tuple[float, ...]
    scope: tuple[float, ...]
    final: tuple[float, ...]

    def scope_probability(self, evidence: Evidence) -> Doubles:
        """Probability that each query belongs to any route, shape (n,)."""
        logit, surroundings, intercept = self.scope
        return _sigmoid(logit * evidence.logit + surroundings * evidence.surroundings + intercept)

    def confidence(self, evidence: Evidence) -> Doubles:
        """Probability that each query's best route is right, shape (n,)."""
        return self.confidence_given(self.scope_probability(evidence), evidence)

    def confidence_given(self, scope: Doubles, evidence: Evidence) -> Doubles:
        """The same, of scope probabilities that are known already, shape (n,)."""
        slope, intercept = self.final
        confidence: Doubles = _sigmoid(slope * self._product(scope, evidence) + intercept)
        return confidence

    def of_one(
        self, *, lead: float, closeness: float, logit: float, surroundings: float
    ) -> tuple[float, float]:
        """Scope probability and confidence of one query, of evidence as in `Evidence`.

        Without arrays: of one number each, they would cost more than all the rest.
        """
        a, b, intercept = self.scope
        scope = _sigmoid_of_one(a * logit + b * surroundings + intercept)
        a, b, intercept = self.right
        right = _sigmoid_of_one(a * lead + b * (closeness - TYPICAL_CLOSENESS) + intercept)
        both = min(max(right * scope, 1e-9), 1 - 1e-9)
        slope, intercept = self.final
        return scope, _sigmoid_of_one(slope * math.log(both / (1 - both)) + intercept)

    def _product(self, scope: Doubles, evidence: Evidence) -> Doubles:
        """Log-odds of both being so."""
        lead, closeness, intercept = self.right
        right = _sigmoid(
            lead * evidence.lead + closeness * (evidence.closeness - TYPICAL_CLOSENESS) + intercept
        )
        both = np.minimum(np.maximum(right * scope, 1e-9), 1 - 1e-9)
        log_odds: Doubles = np.log(both / (1 - both))
        return log_odds


UNCALIBRATED = Calibration(
    method=CalibrationMethod.NONE,
    right=(1.3, 1.5, -0.45),
    scope=(0.0, 20.0, -4.0),
    final=(1.0, 0.0),
)
"""What the fits are drawn to, and what stands in for one where nothing can be held out: about the
mean of the fits on CLINC150, HWU64 and BANKING77 (train) at 5 and 10 exemplars a route."""


def fit_calibration(held_out: HeldOut) -> Calibration:
    """Fits on held-out exemplars."""
    evidence = held_out.evidence
    right = _fit_logistic(
        _right_design(evidence),
        held_out.right,
        prior=UNCALIBRATED.right,
        units=(LEAD_UNIT, CLOSENESS_UNIT, 1.0),
    )
    scope = _fit_scope(evidence)
    partly = Calibration(CalibrationMethod.CROSS_FITTED, right, scope, UNCALIBRATED.final)
    final = _fit_logistic(
        _design(partly._product(partly.scope_probability(evidence), evidence)),
        held_out.right,
        prior=UNCALIBRATED.final,
        units=(1.0, 1.0),
    )
    return Calibration(CalibrationMethod.CROSS_FITTED, right, scope, final)


def refit_calibration(
    before: Calibration,
    evidence: Evidence,
    *,
    right: npt.NDArray[np.bool_],
    in_scope: npt.NDArray[np.bool_],
) -> Calibration:
    """Draws a calibration to labelled queries, of which some may belong to no route.

    Unlike a fit on exemplars it can learn what strangers look like. Then their share among the
    queries counts too: the more of them, the lower is every confidence.

    Args:
        before: what the fits are drawn to; it must not have seen the queries.
        evidence: about n queries.
        right: whether each one's best route is its own, shape (n,).
        in_scope: whether it has one, shape (n,).
    """
    theta = _fit_logistic(
        _right_design(evidence)[in_scope],
        right[in_scope],
        prior=before.right,
        units=(LEAD_UNIT, CLOSENESS_UNIT, 1.0),
    )
    scope = before.scope
    if not in_scope.all():
        spreads = [max(float(v.std()), 0.02) for v in (evidence.logit, evidence.surroundings)]
        scope = _fit_logistic(
            _scope_design(evidence), in_scope, prior=before.scope, units=(*spreads, 1.0)
        )
    partly = Calibration(CalibrationMethod.HELD_OUT, theta, scope, before.final)
    product = partly._product(partly.scope_probability(evidence), evidence)
    final = _fit_logistic(_design(product), right, prior=before.final, units=(1.0, 1.0))
    return replace(partly, final=final)


def _fit_scope(evidence: Evidence) -> tuple[float, ...]:
    """Novelty: how far a query's evidence lies below that of held-out exemplars.

    The logit counts as much as exemplars of one route resemble each other: the head of a few broad
    routes likes strangers as much as its own, that of many narrow ones does not.
    """
    closeness = float(evidence.closeness.mean())
    share = float(np.clip((closeness - LOOSE) / (TIGHT - LOOSE), 0.1, 1.0))
    spreads = [max(float(v.std()), 0.02) for v in (evidence.logit, evidence.surroundings)]
    weights = np.array([share / spreads[0], 1 / spreads[1]])
    total = weights[0] * evidence.logit + weights[1] * evidence.surroundings
    slope = NOVELTY_SLOPE / max(float(total.std()), 1e-6)
    bar = float(np.quantile(total, NOVEL_SHARE))
    return float(slope * weights[0]), float(slope * weights[1]), -slope * bar


def _fit_logistic(
    design: Doubles,
    target: npt.NDArray[np.bool_],
    *,
    prior: Sequence[float],
    units: Sequence[float],
) -> tuple[float, ...]:
    """Logistic regression by Newton's method with step halving, drawn to `prior`."""
    centre = np.asarray(prior)
    penalty = PRIOR_WEIGHT * np.square(np.asarray(units))
    signs = np.where(target, -1.0, 1.0)

    def loss(theta: Doubles) -> float:
        misfit = np.logaddexp(0, signs * (design @ theta)).sum()
        return float(misfit + penalty @ np.square(theta - centre) / 2)

    theta = centre
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(design @ theta)
        gradient = design.T @ (p - target) + penalty * (theta - centre)
        hessian = (design.T * (p * (1 - p))) @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        while loss(theta - step) > loss(theta) and np.abs(step).max() > 1e-9:
            step /= 2
        theta = theta - step
    return tuple(theta.tolist())


def _right_design(evidence: Evidence) -> Doubles:
    return _design(evidence.lead, evidence.closeness - np.float32(TYPICAL_CLOSENESS))


def _scope_design(evidence: Evidence) -> Doubles:
    return _design(evidence.logit, evidence.surroundings)


def _design(*columns: npt.NDArray[np.floating]) -> Doubles:
    return np.column_stack([*columns, np.ones(len(columns[0]))]).astype(np.float64)


def _sigmoid_of_one(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -500.0), 500.0)))


def _sigmoid(log_odds: npt.NDArray[np.floating]) -> Doubles:
    clipped = np.minimum(np.maximum(log_odds.astype(np.float64), -500.0), 500.0)
    odds: Doubles = np.exp(-clipped)
    return 1 / (1 + odds)
