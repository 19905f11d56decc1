"""`waypost ask` and `waypost routes`; needs click, which comes with the server extra."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

import click

from waypost_client import Client, WaypostError
from waypost_client.text import contract_text, error_text, routes_text
from waypost_client.way import DIRECT, Way, way_options

address_option = click.option(
    "--address",
    default="127.0.0.1:50051",
    envvar="WAYPOST_ADDRESS",
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where the server listens.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for a program."
)


@click.command()
@click.argument("text")
@address_option
@way_options
@click.option("--explain", is_flag=True, help="Name each candidate's nearest exemplars.")
@json_option
def ask(text: str, address: str, way: Way, explain: bool, as_json: bool) -> None:
    """Ask where TEXT goes, and print the handoff contract.

    Example: waypost ask "Is this loop idiomatic Rust?" --explain
    """
    with connected(address, way) as client:
        contract = client.route(text, explain=explain)
    click.echo(contract.to_json(indent=2) if as_json else contract_text(contract))


@click.command()
@address_option
@way_options
@json_option
def routes(address: str, way: Way, as_json: bool) -> None:
    """List the routes that a server has loaded."""
    with connected(address, way) as client:
        loaded = client.routes()
    click.echo(json.dumps(asdict(loaded), indent=2) if as_json else routes_text(loaded))


class CallFailed(click.ClickException):
    """Ends a command with exit code 1 and a sentence like those of the server's commands."""

    def show(self, file: IO[str] | None = None) -> None:
        """Prints the sentence."""
        click.echo(f"waypost: {self.format_message()}", file=file or sys.stderr)


@contextmanager
def connected(address: str, way: Way = DIRECT) -> Iterator[Client]:
    """A client whose errors end the command with exit code 1 and a sentence."""
    with failing(address), Client(address, **way.options()) as client:
        yield client


@contextmanager
def failing(address: str, option: str = "--address") -> Iterator[None]:
    """Ends the command so when a call fails, or no client can be made."""
    try:
        yield
    except WaypostError as error:
        raise CallFailed(error_text(error, address, option)) from None
    except (OSError, ValueError) as error:  # a file of TLS, or a token in the clear
        raise CallFailed(str(error)) from None
