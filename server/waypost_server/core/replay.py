"""What differs between a decision as it was made and as it would be made now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waypost_server.core.decision_log import DecisionRecord

Value = str | float | tuple[str, ...]

SAME = 1e-6
"""Numbers that differ by less are the same: another processor rounds otherwise."""

_COMPARED: Mapping[str, Callable[[DecisionRecord], Value]] = {
    "route": lambda one: one.route,
    "outcome": lambda one: one.outcome.value,
    "action": lambda one: one.action.value,
    "reasons": lambda one: tuple(reason.value for reason in one.reasons),
    "confidence": lambda one: one.confidence,
    "similarity": lambda one: one.similarity,
    "threshold": lambda one: one.threshold,
    "calibration": lambda one: one.calibration.value,
    "stage": lambda one: one.stage.value,
    "candidates": lambda one: tuple(candidate.route for candidate in one.candidates),
    "fallback_route": lambda one: one.fallback_route,
    "models": lambda one: one.models,
    "index_version": lambda one: one.index_version,
    "encoder_fingerprint": lambda one: one.encoder_fingerprint,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        name: of the field of a contract.
        before: what it was.
        now: what it is.
    """

    name: str
    before: Value
    now: Value


def changes(before: DecisionRecord, now: DecisionRecord) -> tuple[Change, ...]:
    """What differs between two decisions about the same query, in the order of its weight."""
    return tuple(
        Change(name, value(before), value(now))
        for name, value in _COMPARED.items()
        if not _same(value(before), value(now))
    )


def _same(before: Value, now: Value) -> bool:
    if isinstance(before, float) and isinstance(now, float):
        return abs(before - now) < SAME
    return before == now
