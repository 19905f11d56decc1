"""The times that commands take, one syntax for all."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import click

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"([0-9]{1,6})([mhd])")
_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


class Time(click.ParamType[int]):
    """A time, as milliseconds since 1970."""

    name = "TIME"

    def convert(
        self,
        value: Any,  # noqa: ANN401  (as click says)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Reads `24h`, `7d`, `30m` (ago), `23:41` (the last time that it was), or ISO 8601.

        Without a zone it is UTC.
        """
        if isinstance(value, int):
            return value
        if ago := _AGO.fullmatch(value):
            return time.time_ns() // 1_000_000 - int(ago[1]) * _UNITS_MS[ago[2]]
        if said := _OF_DAY.fullmatch(value):
            hours, minutes, seconds = (int(part or 0) for part in said.groups())
            now = time.time_ns() // 1_000_000
            at_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
            return now - (now - at_ms) % _UNITS_MS["d"]
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: write 24h, 7d, 23:41 or 2027-01-31T12:00", param, ctx)
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        return int(at.timestamp() * 1000)


SINCE = click.option(
    "--since",
    type=Time(),
    help="From then on: 30m, 24h or 7d ago, or in UTC 23:41 (the last) or 2027-01-31T12:00.",
)
UNTIL = click.option("--until", type=Time(), help="Before then.")
