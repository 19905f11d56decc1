"""Which logged decisions a command is about."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"([0-9]{1,6})([mhd])")

ROUTE = click.option("--route", metavar="ROUTE", help="Only what went there.")
TENANT = click.option("--tenant", metavar="TENANT", help='Only of this tenant; "" for the default.')
OUTCOME = click.option(
    "--outcome",
    type=click.Choice(["MATCHED", "FALLBACK", "OUT_OF_SCOPE", "AMBIGUOUS"], case_sensitive=False),
    help="Only what was decided so.",
)


class Time(click.ParamType[int]):
    """A time, as milliseconds since 1970."""

    name = "TIME"

    def convert(
        self,
        value: Any,  # noqa: ANN401  (as click says)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Reads `24h`, `7d`, `30m` (ago), or ISO 8601; without a zone it is UTC."""
        if isinstance(value, int):
            return value
        if ago := _AGO.fullmatch(value):
            return time.time_ns() // 1_000_000 - int(ago[1]) * _UNITS_MS[ago[2]]
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: write 24h, 7d or 2027-01-31T12:00", param, ctx)
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        return int(at.timestamp() * 1000)


SINCE = click.option("--since", type=Time(), help="From then on, such as 24h, 7d or 2027-01-31.")
UNTIL = click.option("--until", type=Time(), help="Before then.")


def filtered(command: Command) -> Command:
    """Gives a command the options that filter."""
    for option in (OUTCOME, ROUTE, TENANT):
        command = option(command)
    return command
