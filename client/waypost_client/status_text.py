"""A server's status in words, for terminals."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from waypost_client._admin_types import Status

WIDTH = 14


def status_text(
    status: Status, processes: Sequence[Status] = (), *, now: datetime | None = None
) -> str:
    """A page on what a server is and holds.

    Args:
        status: what it says, or what its processes say together.
        processes: what each of them says.
        now: what its uptime is counted to; None for the present.
    """
    at = now or datetime.now(UTC)
    rows = [*_rows(status, at), *_process_rows(processes, at)]
    return "\n".join(f"{name:<{WIDTH}}{said}".rstrip() for name, said in rows)


def _rows(status: Status, now: datetime) -> Iterator[tuple[str, str]]:
    degraded = ", degraded: its cheap stages decide alone" if status.degraded else ""
    yield "state", f"{status.state.lower()}{degraded}"
    alone = status.process_id and "," not in status.process_id
    process = f", process {status.process_id}" if alone else ""
    yield "version", f"{status.server_version}, contract {status.contract_version}{process}"
    held = f"{_many(status.exemplar_count, 'exemplar')} of {_many(status.route_count, 'route')}"
    yield "index", f"{status.index_version}: {held}"
    if status.refused_bundle:
        yield "", f"the newest bundle is not live: {status.refused_bundle}"
    yield "encoder", f"{status.encoder_name}, {status.encoder_fingerprint}"
    yield "up for", _up(status, now)
    yield "memory", f"{status.resident_bytes / 2**20:,.0f} MiB" if status.resident_bytes else "?"
    yield "decided", f"{status.decision_count:,}, refused {status.refused_count:,}"
    limit = f" of at most {status.concurrency_limit:,}" if status.concurrency_limit else ""
    yield "queue", f"{status.queue_depth:,}{limit}"
    yield "log", _log(status)
    yield from _under("switched off", _switch_rows(status), "nothing")
    yield from _under("models", _model_rows(status), "nothing reported")
    yield from _under("outcomes", _outcome_rows(status), "nothing reported")


def _process_rows(processes: Sequence[Status], now: datetime) -> Iterator[tuple[str, str]]:
    """A line for each of several."""
    rows = [
        f"{each.process_id}: {each.state.lower()} for {_up(each, now)}, decided "
        f"{each.decision_count:,}, refused {each.refused_count:,}, log {_log(each)}"
        for each in processes
    ]
    if len(rows) > 1:
        yield from _under("processes", rows, "")


def _under(name: str, rows: list[str], otherwise: str) -> Iterator[tuple[str, str]]:
    for i, row in enumerate(rows or [otherwise]):
        yield ("" if i else name), row


def _log(status: Status) -> str:
    log = status.decision_log
    if log is None:
        return "none is kept"
    problem = f"; it cannot be written: {log.problem}" if log.problem else ""
    return f"{log.written:,} written, {log.waiting:,} waiting, {log.dropped:,} lost{problem}"


def _switch_rows(status: Status) -> list[str]:
    return [
        f"{'route' if each.route else 'model'} {each.route or each.model}, "
        f"{each.at:%Y-%m-%d %H:%M} UTC by {each.who or 'somebody without a token'}"
        f"{f': {each.note}' if each.note else ''}"
        for each in status.switches
    ]


def _model_rows(status: Status) -> list[str]:
    return [
        f"{each.name}: {each.succeeded:,} answered, {each.failed:,} failed"
        f"{', left out while a breaker is open' if each.left_out else ''}"
        for each in status.models
    ]


def _outcome_rows(status: Status) -> list[str]:
    return [
        f"{each.route}: {each.accepted:,} accepted, {each.rejected:,} rejected, "
        f"{each.failed:,} failed, {each.not_called:,} not called"
        for each in status.route_outcomes
    ]


def _up(status: Status, now: datetime) -> str:
    return _duration((now - status.started_at).total_seconds())


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
