"""How long to wait before a process is started again."""

SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that lived so long is not one that fails as it starts."""


class Delays:
    """Doubles from one short life to the next, so that what cannot work costs little."""

    def __init__(self) -> None:
        self._next = SHORTEST_SECONDS

    def after(self, lived_seconds: float) -> float:
        """Seconds to wait after a process that lived so long."""
        if lived_seconds >= STEADY_SECONDS:
            self._next = SHORTEST_SECONDS
        delay, self._next = self._next, min(2 * self._next, LONGEST_SECONDS)
        return delay
