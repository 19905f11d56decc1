"""`waypost audit`."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from waypost_server.core.shared_state import Audited


@click.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
    help="Leave out what was done before, in UTC: 2026-11-22 or 2026-11-22T18:30:00.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for a program.")
def audit(since: datetime | None, as_json: bool) -> None:
    """List what operators did, oldest first: when, who, what, and why.

    That is what servers were asked to do on their admin ports; who uses `waypost index activate` on
    the folder itself is not known. Reads the database of WAYPOST_DATABASE; a server need not run.
    """
    from waypost_server.settings import Settings
    from waypost_server.wiring.sharing import database_state

    state = database_state(Settings.load())
    try:
        acts = state.audited(since=since.replace(tzinfo=UTC).timestamp() if since else 0.0)
    finally:
        state.close()
    if as_json:
        click.echo(json.dumps([_fields(audited) for audited in acts], indent=2))
    for audited in () if as_json else acts:
        click.echo(_line(audited))


def _fields(audited: "Audited") -> dict[str, str]:
    act = audited.act
    return {
        "at": _when(audited),
        "who": act.who,
        "act": act.act,
        "target": act.target,
        "note": act.note,
        "before": act.before,
        "after": act.after,
    }


def _line(audited: "Audited") -> str:
    act = audited.act
    change = f": {act.before} -> {act.after}" if act.before or act.after else ""
    note = f' "{act.note}"' if act.note else ""
    return f"{_when(audited)}  {act.who or '(no name)'}  {act.act} {act.target}{change}{note}"


def _when(audited: "Audited") -> str:
    return datetime.fromtimestamp(audited.at, UTC).isoformat(timespec="milliseconds")
