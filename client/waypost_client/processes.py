"""What all processes behind an address are and hold: each answers for itself alone.

Which of them a connection leads to is chance, so that new ones are made until nobody new is found.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from waypost_client._admin_types import DecisionLogStatus, ModelStatus, RouteOutcomes, Status

LOOKS = 8
"""Connections for each process that is known, until one more is unlikely: where there is one more
of n, all of 8 n miss it about once in 3,000 times."""

MOST = 64
"""Processes that are looked for."""

Row = TypeVar("Row")


def every_status(ask: Callable[[], Status]) -> tuple[Status, ...]:
    """The status of each process, by its id.

    Args:
        ask: asks whoever answers on a new connection.
    """
    found: dict[str, Status] = {}
    looks = 0
    while looks < LOOKS * max(1, len(found)) and len(found) < MOST:
        status = ask()
        looks = looks + 1 if status.process_id in found else 1
        found[status.process_id] = status
    return tuple(found[name] for name in sorted(found))


def together(statuses: Sequence[Status]) -> Status:
    """One status of several processes: what they count is added up, the rest is the first's.

    Where they differ, states and bundles are those of all, separated by commas.
    """
    first = statuses[0]
    if len(statuses) == 1:
        return first
    logs = [each.decision_log for each in statuses if each.decision_log]
    return replace(
        first,
        process_id=_all(each.process_id for each in statuses),
        state=_all(each.state for each in statuses),
        index_version=_all(each.index_version for each in statuses),
        refused_bundle=_all(each.refused_bundle for each in statuses),
        started_at=min(each.started_at for each in statuses),
        decision_count=sum(each.decision_count for each in statuses),
        queue_depth=sum(each.queue_depth for each in statuses),
        concurrency_limit=sum(each.concurrency_limit for each in statuses),
        refused_count=sum(each.refused_count for each in statuses),
        resident_bytes=sum(each.resident_bytes for each in statuses),
        degraded=any(each.degraded for each in statuses),
        decision_log=_log(logs) if logs else None,
        models=_added(chain(*(s.models for s in statuses)), lambda row: row.name, _models),
        route_outcomes=_added(
            chain(*(s.route_outcomes for s in statuses)), lambda row: row.route, _outcomes
        ),
    )


def _all(said: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, said)))


def _log(logs: Sequence[DecisionLogStatus]) -> DecisionLogStatus:
    return DecisionLogStatus(
        written=sum(each.written for each in logs),
        dropped=sum(each.dropped for each in logs),
        waiting=sum(each.waiting for each in logs),
        problem=_all(each.problem for each in logs),
    )


def _added(
    rows: Iterable[Row], name_of: Callable[[Row], str], add: Callable[[Row, Row], Row]
) -> tuple[Row, ...]:
    """Rows of one name as one, by name."""
    found: dict[str, Row] = {}
    for row in rows:
        name = name_of(row)
        found[name] = add(found[name], row) if name in found else row
    return tuple(found[name] for name in sorted(found))


def _models(one: ModelStatus, other: ModelStatus) -> ModelStatus:
    return ModelStatus(
        name=one.name,
        succeeded=one.succeeded + other.succeeded,
        failed=one.failed + other.failed,
        left_out=one.left_out or other.left_out,
    )


def _outcomes(one: RouteOutcomes, other: RouteOutcomes) -> RouteOutcomes:
    return RouteOutcomes(
        route=one.route,
        accepted=one.accepted + other.accepted,
        rejected=one.rejected + other.rejected,
        failed=one.failed + other.failed,
        not_called=one.not_called + other.not_called,
    )
