"""`waypost status`; needs click, which comes with the server extra."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from waypost_client import AdminClient
from waypost_client._admin_types import Status
from waypost_client.commands import failing, json_option
from waypost_client.config_file import CONFIG, from_config, reachable
from waypost_client.processes import every_status, together
from waypost_client.status_text import status_text
from waypost_client.way import DIRECT, Way, way_options


def _default() -> str:
    """As the file says, or where a server answers operators unless it is told otherwise."""
    if said := from_config("admin_address"):
        return reachable(said)
    address = os.environ.get("WAYPOST_ADDRESS") or from_config("address")
    port = address.rpartition(":")[2]
    return f"127.0.0.1:{int(port) + 1 if port.isdigit() else 50052}"


admin_option = click.option(
    "--admin",
    "address",
    default=_default,
    envvar="WAYPOST_ADMIN_ADDRESS",
    show_default=f"as in {CONFIG}, else 127.0.0.1, the port after the callers'",
    show_envvar=True,
    metavar="HOST:PORT",
    help="The server's admin port; its log names it when it starts.",
)


@click.command()
@admin_option
@way_options
@json_option
def status(address: str, way: Way, as_json: bool) -> None:
    """Show what a server is and holds, all its processes together.

    Each process answers for itself, and connections lead to one by chance: many are made, until no
    new process is found.
    """

    def ask() -> Status:
        with administering(address, way) as client:
            return client.status()

    every = every_status(ask)
    found = together(every)
    if as_json:
        said = asdict(found) | {"processes": [asdict(each) for each in every]}
        click.echo(json.dumps(said, indent=2, default=str))
        return
    click.echo(status_text(found, every))


@contextmanager
def administering(address: str, way: Way = DIRECT) -> Iterator[AdminClient]:
    """A client whose errors end the command with exit code 1 and a sentence."""
    with failing(address, "--admin"), AdminClient(address, **way.options()) as client:
        yield client
