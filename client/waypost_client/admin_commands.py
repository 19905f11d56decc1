"""`waypost status`; needs click, which comes with the server extra."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from waypost_client import AdminClient, WaypostError
from waypost_client.commands import CallFailed, json_option
from waypost_client.status_text import status_text
from waypost_client.text import error_text

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
@json_option
def status(address: str, as_json: bool) -> None:
    """Show what a server is and holds."""
    with administering(address) as client:
        found = client.status()
    click.echo(json.dumps(asdict(found), indent=2, default=str) if as_json else status_text(found))


@contextmanager
def administering(address: str) -> Iterator[AdminClient]:
    """A client whose errors end the command with exit code 1 and a sentence."""
    try:
        with AdminClient(address) as client:
            yield client
    except WaypostError as error:
        raise CallFailed(error_text(error, address, "--admin")) from None
