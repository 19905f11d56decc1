"""What differs between a decision as it was made and as it would be made now."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from waypost_server.core.decision_log import DecisionRecord
from waypost_server.core.outcome import Reason

Value = str | float | tuple[str, ...]

SAME = 1e-6
"""Numbers that differ by less are the same: another processor rounds otherwise."""

NEAR = 0.05
"""By how much a text's similarities to the same exemplars differ at most.

In int8 the processor has a say in them; another text is further away from one candidate or another.
"""

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
    "plan": lambda one: tuple(step.route for step in one.plan or ()),
    "flags": lambda one: tuple(f"{flag.kind} {flag.severity}" for flag in one.flags or ()),
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


@dataclass(frozen=True, slots=True)
class NotReplayed:
    """What counted then, or would now, and is not known: what it decides is not compared.

    Attributes:
        what: in words.
        fields: of a contract, which it decides.
        reasons: of a decision, likewise.
    """

    what: str
    fields: frozenset[str] = frozenset()
    reasons: frozenset[Reason] = frozenset()


_MODELS = frozenset(("models",))
_OF_MODELS = frozenset((Reason.NO_ELIGIBLE_MODEL, Reason.INPUT_TOO_LARGE, Reason.BUDGET_EXHAUSTED))

METADATA = NotReplayed(
    "metadata, which the log keeps with WAYPOST_LOG_TEXT alone: rules may look at it",
    _MODELS,
    _OF_MODELS,
)
REDACTED_METADATA = NotReplayed(
    "the redacted parts of metadata: rules may look at them", _MODELS, _OF_MODELS
)
MODEL_CHOICE = NotReplayed(
    "the choice of models: budgets, latencies and breakers were others", _MODELS, _OF_MODELS
)
ESCALATION = NotReplayed("a language model, which would be asked now")
MODEL_PARAMS = NotReplayed(
    "parameters that a language model finds", reasons=frozenset((Reason.MISSING_PARAMS,))
)
OLDER = NotReplayed(
    "plan and flags: the record is older than that they are kept", frozenset(("plan", "flags"))
)


def changes(
    before: DecisionRecord, now: DecisionRecord, not_replayed: Collection[NotReplayed] = ()
) -> tuple[Change, ...]:
    """What differs between two decisions about the same query, in the order of its weight.

    Args:
        before: the decision as it was made.
        now: as it would be made now.
        not_replayed: what is not known, so that what it decides does not count.
    """
    left_out = frozenset[str]().union(*(each.fields for each in not_replayed))
    unknown = {reason.value for each in not_replayed for reason in each.reasons}
    found = []
    for name, value in _COMPARED.items():
        then, today = value(before), value(now)
        if name == "reasons":
            then, today = _without(then, unknown), _without(today, unknown)
        if name not in left_out and not _same(then, today):
            found.append(Change(name, then, today))
    return tuple(found)


def is_of_another_text(before: DecisionRecord, now: DecisionRecord, text: str) -> bool:
    """Whether it shows that a decision was made again about another text than its own.

    The log's own text shows it, and where there is none, the exemplars: the same bundle finds a
    text as near to them as it did then, whatever else counts. All candidates are compared that
    both have, and not their order: those that are about as near may change places.

    Args:
        before: the decision as it was made.
        now: as it is made about `text`.
        text: what was given for the query.
    """
    if before.text is not None and not before.text_redacted:
        return before.text.strip() != text.strip()
    if _decided_by(before) != _decided_by(now):
        return False
    then = {candidate.route: candidate.similarity for candidate in before.candidates}
    return any(abs(then.get(c.route, c.similarity) - c.similarity) > NEAR for c in now.candidates)


def _decided_by(one: DecisionRecord) -> tuple[str, str, str]:
    return one.index_version, one.encoder_fingerprint, one.stage.value


def _without(reasons: Value, unknown: Collection[str]) -> Value:
    assert isinstance(reasons, tuple)  # noqa: S101  (a tuple of reasons)
    return tuple(reason for reason in reasons if reason not in unknown)


def _same(before: Value, now: Value) -> bool:
    if isinstance(before, float) and isinstance(now, float):
        return abs(before - now) < SAME
    return before == now
