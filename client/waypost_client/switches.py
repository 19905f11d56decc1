"""`waypost switch`; needs click, which comes with the server extra."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
import grpc

from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_client import Client
from waypost_client._errors import error_of
from waypost_client.commands import CallFailed, address_option, json_option
from waypost_client.text import error_text

TIMEOUT_S = 20.0
"""Beyond the server's own wait for the others, and for a database that does not answer."""

Answer = admin_pb2.SetRouteEnabledResponse | admin_pb2.SetModelEnabledResponse

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
@address_option
@json_option
def route(name: str, state: str, note: str, address: str, as_json: bool) -> None:
    """Switch the route NAME on or off."""
    request = admin_pb2.SetRouteEnabledRequest(route=name, enabled=state == "on", note=note)
    with _admin(address) as admin:
        answer = admin.SetRouteEnabled(request, timeout=TIMEOUT_S)
    _print(f"route {name}", state, answer, as_json=as_json)


@switch.command()
@click.argument("name")
@_state_argument
@_note_option
@address_option
@json_option
def model(name: str, state: str, note: str, address: str, as_json: bool) -> None:
    """Switch the model NAME of fleet.yaml on or off."""
    request = admin_pb2.SetModelEnabledRequest(model=name, enabled=state == "on", note=note)
    with _admin(address) as admin:
        answer = admin.SetModelEnabled(request, timeout=TIMEOUT_S)
    _print(f"model {name}", state, answer, as_json=as_json)


@switch.command("list")
@address_option
@json_option
def list_(address: str, as_json: bool) -> None:
    """List what is switched off, the newest first."""
    with _admin(address) as admin:
        status = admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=TIMEOUT_S)
    rows = [
        {
            "kind": each.WhichOneof("target"),
            "name": each.route or each.model,
            "who": each.who,
            "note": each.note,
            "at": each.at.ToJsonString(),
        }
        for each in status.switches
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("Nothing is switched off.")
    for row in () if as_json else rows:
        who = f" by {row['who']}" if row["who"] else ""
        note = f": {row['note']}" if row["note"] else ""
        click.echo(f"{row['kind']} {row['name']}, off since {row['at']}{who}{note}")


@contextmanager
def _admin(address: str) -> Iterator[admin_pb2_grpc.AdminServiceStub]:
    """AdminService, whose errors end the command with exit code 1 and a sentence."""
    try:
        with Client(address) as client:
            yield client.admin
    except grpc.RpcError as error:
        raise CallFailed(error_text(error_of(error.code(), error.details()), address)) from None


def _print(what: str, state: str, answer: Answer, *, as_json: bool) -> None:
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
