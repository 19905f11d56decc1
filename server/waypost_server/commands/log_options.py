"""Which logged decisions a command is about."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

ROUTE = click.option("--route", metavar="ROUTE", help="Only what went there.")
TENANT = click.option("--tenant", metavar="TENANT", help='Only of this tenant; "" for the default.')
OUTCOME = click.option(
    "--outcome",
    type=click.Choice(
        ["MATCHED", "FALLBACK", "OUT_OF_SCOPE", "AMBIGUOUS", "BLOCKED"], case_sensitive=False
    ),
    help="Only what was decided so.",
)


def filtered(command: Command) -> Command:
    """Gives a command the options that filter."""
    for option in (OUTCOME, ROUTE, TENANT):
        command = option(command)
    return command
