"""What a log has lost in one go: how much, and from when to when, so that it can be looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class Loss:
    """Records that were lost since the last time that all was well.

    Attributes:
        count: how many.
        first_ms: when the first of them came, in milliseconds since 1970.
        last_ms: when the last one did.
    """

    count: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, times_ms: Sequence[int]) -> None:
        """Takes in more, at least one, which came at these times."""
        known = (self.first_ms, self.last_ms) if self.count else ()
        self.first_ms = min((*known, *times_ms))
        self.last_ms = max((*known, *times_ms))
        self.count += len(times_ms)

    def __str__(self) -> str:
        """In words."""
        if not self.count:
            return "no record was lost"
        between = f"from {_time(self.first_ms)} to {_time(self.last_ms)}"
        return f"{self.count} records were lost, {between}"


def _time(at_ms: int) -> str:
    when = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}Z"
