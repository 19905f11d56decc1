"""`waypost status`; needs click, which comes with the server extra."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from waypost_client import AdminClient
from waypost_client.commands import failing, json_option
from waypost_client.status_text import status_text
from waypost_client.way import DIRECT, Way, way_options


def _next_to_callers() -> str:
    """Where a server answers operators unless it is told otherwise."""
    port = os.environ.get("WAYPOST_ADDRESS", "").rpartition(":")[2]
    return f"127.0.0.1:{int(port) + 1 if port.isdigit() else 50052}"


admin_option = click.option(
    "--admin",
    "address",
    default=_next_to_callers,
    envvar="WAYPOST_ADMIN_ADDRESS",
    show_default="127.0.0.1, the port after that of WAYPOST_ADDRESS",
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
