"""`waypost switch`; needs click, which comes with the server extra."""

import json

import click

from waypost_client._admin_types import Switch, Switched
from waypost_client.admin_commands import admin_option, administering
from waypost_client.commands import json_option
from waypost_client.way import Way, way_options

TIMEOUT_S = 20.0
"""Beyond the server's own wait for the others, and for a database that does not answer."""

_state_argument = click.argument("state", type=click.Choice(["on", "off"]))
_note_option = click.option("--note", default="", help="Why, for the audit; at most 1,024 bytes.")


@click.group()
def switch() -> None:
    """Take routes and models out of service, and back, on every process and replica.

    A switch survives restarts and new bundles. Example: waypost switch route poetry off --note
    "answers in prose"
    """


@switch.command()
@click.argument("name")
@_state_argument
@_note_option
@admin_option
@way_options
@json_option
def route(name: str, state: str, note: str, address: str, way: Way, as_json: bool) -> None:
    """Switch the route NAME on or off."""
    with administering(address, way) as admin:
        answer = admin.set_route_enabled(name, state == "on", note=note, timeout_s=TIMEOUT_S)
    _print(f"route {name}", state, answer, as_json=as_json)


@switch.command()
@click.argument("name")
@_state_argument
@_note_option
@admin_option
@way_options
@json_option
def model(name: str, state: str, note: str, address: str, way: Way, as_json: bool) -> None:
    """Switch the model NAME of fleet.yaml on or off."""
    with administering(address, way) as admin:
        answer = admin.set_model_enabled(name, state == "on", note=note, timeout_s=TIMEOUT_S)
    _print(f"model {name}", state, answer, as_json=as_json)


@switch.command("list")
@admin_option
@way_options
@json_option
def list_(address: str, way: Way, as_json: bool) -> None:
    """List what is switched off, the newest first."""
    with administering(address, way) as admin:
        switches = admin.status(timeout_s=TIMEOUT_S).switches
    if as_json:
        click.echo(json.dumps([_row(each) for each in switches], indent=2))
    elif not switches:
        click.echo("Nothing is switched off.")
    for each in () if as_json else switches:
        who = f" by {each.who}" if each.who else ""
        note = f": {each.note}" if each.note else ""
        click.echo(f"{_kind(each)} {_name(each)}, off since {each.at.isoformat()}{who}{note}")


def _kind(each: Switch) -> str:
    return "route" if each.route else "model"


def _name(each: Switch) -> str:
    return each.route or each.model


def _row(each: Switch) -> dict[str, str]:
    return {
        "kind": _kind(each),
        "name": _name(each),
        "who": each.who,
        "note": each.note,
        "at": each.at.isoformat(),
    }


def _print(what: str, state: str, answer: Switched, *, as_json: bool) -> None:
    if as_json:
        values = {
            "previously_enabled": answer.previously_enabled,
            "pending_processes": answer.pending_processes,
        }
        click.echo(json.dumps(values))
        return
    before = "on" if answer.previously_enabled else "off"
    heeded = "every process heeds it"
    if answer.pending_processes:
        heeded = f"{answer.pending_processes} have not said that they heed it: ask again"
    click.echo(f"{what} is {state}, before it was {before}; {heeded}")
