"""Decisions that were made again, for people and programs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from waypost_server.adapters.log_json import decision_json, iso_time
from waypost_server.core.decision_log import DecisionRecord
from waypost_server.core.replay import Change, Value, is_of_another_text
from waypost_server.core.switches import Switches
from waypost_server.workshop.replaying import Replay

NO_REPLAY: Mapping[str, Any] = MappingProxyType(
    {
        "decision": None,
        "changes": [],
        "not_replayed": [],
        "switches": None,
        "of_another_text": False,
    }
)

OF_ANOTHER_TEXT = (
    "The text given is not the one that was decided on: what changes is of another query."
)
OF_GIVEN_TEXT = (
    "Of the text given: the log has not kept the one that was decided on to compare it with."
)


def replay_text(again: Replay, before: DecisionRecord, given: str | None) -> str:
    """What changes, and what of it a switch does.

    Args:
        again: the decision as it is made now.
        before: as it was made.
        given: the text that it is made of; None for the log's own.
    """
    said = [
        *_of_text(before, again, given),
        f"Made again with bundle {again.decision.index_version}, what changes:",
        *_changes(again.changes, otherwise="nothing: it would be decided as it was"),
        *(f"not replayed: {each.what}" for each in again.not_replayed),
    ]
    if again.switches.off:
        said += ["Switched off just now:", *_off(again.switches), "Which changes in the answer:"]
        said += _changes(again.by_switches, otherwise="nothing")
    return "\n".join(said)


def replay_json(again: Replay, before: DecisionRecord, given: str | None) -> dict[str, Any]:
    """The same as data."""
    off = again.switches.off
    return {
        "decision": decision_json(again.decision),
        "changes": _rows(again.changes),
        "not_replayed": [each.what for each in again.not_replayed],
        "switches": {
            "off": [
                {
                    "kind": target.kind.value,
                    "name": target.name,
                    "who": switch.who,
                    "note": switch.note,
                    "at": iso_time(int(switch.at * 1000)),
                }
                for target, switch in off.items()
            ],
            "changes": _rows(again.by_switches),
        },
        "of_another_text": _is_another(before, again, given),
    }


def _of_text(before: DecisionRecord, again: Replay, given: str | None) -> list[str]:
    if _is_another(before, again, given):
        return [OF_ANOTHER_TEXT]
    return [OF_GIVEN_TEXT] if given is not None and before.text is None else []


def _is_another(before: DecisionRecord, again: Replay, given: str | None) -> bool:
    return given is not None and is_of_another_text(before, again.decision, given)


def _off(switches: Switches) -> list[str]:
    lines = []
    for target, switch in switches.off.items():
        who = f" by {switch.who}" if switch.who else ""
        note = f": {switch.note}" if switch.note else ""
        lines.append(f"  {target}, since {iso_time(int(switch.at * 1000))}{who}{note}")
    return lines


def _changes(changes: Sequence[Change], *, otherwise: str) -> list[str]:
    if not changes:
        return [f"  {otherwise}"]
    return [
        f"  {change.name:<20} {_shown(change.before)} -> {_shown(change.now)}" for change in changes
    ]


def _rows(changes: Sequence[Change]) -> list[dict[str, Value]]:
    return [{"name": c.name, "before": c.before, "now": c.now} for c in changes]


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return (", ".join(value) or "none") if isinstance(value, tuple) else value or "none"
