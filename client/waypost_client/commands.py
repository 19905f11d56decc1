"""`waypost ask` and `waypost routes`; needs click, which comes with the server extra."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

import click

from waypost_client import Client, Conversation, WaypostError
from waypost_client.config_file import CONFIG, from_config, reachable
from waypost_client.text import contract_text, error_text, routes_text
from waypost_client.way import DIRECT, Way, way_options

HERE = "127.0.0.1:50051"
"""Where a server listens unless it is told otherwise."""

address_option = click.option(
    "--address",
    default=lambda: reachable(from_config("address", HERE)),
    envvar="WAYPOST_ADDRESS",
    show_default=f"as in {CONFIG}, else {HERE}",
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where the server listens.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for a program."
)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="TEXT")
@address_option
@way_options
@click.option("--explain", is_flag=True, help="Name each candidate's nearest exemplars.")
@click.option(
    "--metadata",
    multiple=True,
    metavar="KEY=VALUE",
    callback=lambda _context, _option, pairs: _metadata(pairs),
    help="A fact that rules may use; may be given several times.",
)
@click.option(
    "--after",
    "--previous-route",
    "previous_route",
    default="",
    metavar="ROUTE",
    help="Where the query before went, if TEXT goes on with a conversation.",
)
@click.option("--tenant", default="", help="On whose behalf; its models and budget count.")
@click.option(
    "--input-tokens",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    metavar="TOKENS",
    help="Tokens that the specialist will receive. [default: an estimate]",
)
@json_option
def ask(
    words: tuple[str, ...],
    address: str,
    way: Way,
    explain: bool,
    metadata: dict[str, str],
    previous_route: str,
    tenant: str,
    input_tokens: int,
    as_json: bool,
) -> None:
    """Ask where TEXT goes, and print the handoff contract.

    Example: waypost ask "Is this loop idiomatic Rust?" --explain
    """
    with connected(address, way) as client:
        contract = client.route(
            " ".join(words),
            conversation=Conversation(previous_route=previous_route),
            tenant=tenant,
            metadata=metadata,
            input_tokens=input_tokens,
            explain=explain,
        )
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


def _metadata(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{pair!r} is not like task_type=debugging")
        found[key] = value
    return found


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
