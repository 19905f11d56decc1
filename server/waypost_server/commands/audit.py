"""`waypost audit`."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from waypost_server.commands.times import SINCE

if TYPE_CHECKING:
    from waypost_server.core.shared_state import Audited


@click.command()
@SINCE
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for a program.")
def audit(since: int | None, as_json: bool) -> None:
    """List what operators did, oldest first: when, who, what, and why.

    That is what servers were asked to do on their admin ports, which bundles went live by `waypost
    build`, `tune` and `index activate`, and who made or revoked tokens, where those commands
    reached the database. Reads that of WAYPOST_DATABASE; a server need not run.

    Example: waypost audit --since 7d
    """
    from waypost_server.settings import Settings
    from waypost_server.wiring.sharing import database_state

    state = database_state(Settings.load())
    try:
        acts = state.audited(since=0.0 if since is None else since / 1000)
    finally:
        state.close()
    if as_json:
        click.echo(json.dumps([_fields(audited) for audited in acts], indent=2))
    elif not acts:
        said = "nothing" if since is None else "nothing since then"
        click.echo(f"waypost: the audit has {said}", err=True)
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
    said = f": {act.before or 'nothing'} -> {act.after or 'nothing'}"
    change = said if act.before or act.after else ""
    note = f' "{act.note}"' if act.note else ""
    who = act.who or "somebody without a token"
    return f"{_when(audited)}  {who}  {act.act} {act.target}{change}{note}"


def _when(audited: "Audited") -> str:
    return datetime.fromtimestamp(audited.at, UTC).isoformat(timespec="milliseconds")
