"""`waypost status`; needs click, which comes with the server extra."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from waypost_client import AdminClient
from waypost_client.commands import failing, json_option
from waypost_client.status_text import status_text
from waypost_client.way import DIRECT, Way, way_options

admin_option = click.option(
    "--admin",
    "address",
    default="127.0.0.1:50052",
    envvar="WAYPOST_ADMIN_ADDRESS",
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="The server's admin port; its log names it when it starts.",
)


@click.command()
@admin_option
@way_options
@json_option
def status(address: str, way: Way, as_json: bool) -> None:
    """Show what a server is and holds."""
    with administering(address, way) as client:
        found = client.status()
    click.echo(json.dumps(asdict(found), indent=2, default=str) if as_json else status_text(found))


@contextmanager
def administering(address: str, way: Way = DIRECT) -> Iterator[AdminClient]:
    """A client whose errors end the command with exit code 1 and a sentence."""
    with failing(address, "--admin"), AdminClient(address, **way.options()) as client:
        yield client
