"""How late the event loop is: what waits for it waits unseen."""

import asyncio
from collections.abc import Callable

PERIOD_SECONDS = 0.05
"""How often it is looked at: twice in each window that the limit looks at waits in."""


class LoopLag:
    """Measures how much later than it asked it is woken.

    Attributes:
        seconds: at the last look.
        most_seconds: since it began.
    """

    def __init__(self, told: Callable[[float], None], clock: Callable[[], float]) -> None:
        """Measures nothing yet.

        Args:
            told: hears of each look, in seconds.
            clock: seconds, monotonic.
        """
        self.seconds = 0.0
        self.most_seconds = 0.0
        self._told = told
        self._clock = clock

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            asked = self._clock()
            await asyncio.sleep(PERIOD_SECONDS)
            self.seconds = max(0.0, self._clock() - asked - PERIOD_SECONDS)
            self.most_seconds = max(self.most_seconds, self.seconds)
            self._told(self.seconds)
