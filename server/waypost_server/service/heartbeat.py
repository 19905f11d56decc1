"""What the event loop does twice a second for those who watch it."""

import asyncio
import logging
import time
from collections.abc import Callable

from waypost_server.core import metric_names as names
from waypost_server.service.gauges import Gauges
from waypost_server.service.instruments import Instruments
from waypost_server.service.pulse import Pulses
from waypost_server.service.sources import Sources

PERIOD_SECONDS = 0.5
"""How old a figure may be: of another process, or one that is looked at."""

_log = logging.getLogger(__name__)


class Heartbeat:
    """Says that the loop turns, how late it does, and brings all figures up to date."""

    def __init__(self, instruments: Instruments, gauges: Gauges, pulses: Pulses) -> None:
        self._instruments = instruments
        self._gauges = gauges
        self._pulses = pulses
        self._lag = instruments.spread(names.LOOP_LAG)
        self._said = ""
        self.sources = Sources()

    async def run(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Beats until it is cancelled; `clock` gives seconds, and uvloop's own only thousandths."""
        while True:
            due = clock() + PERIOD_SECONDS
            self.beat()
            await asyncio.sleep(PERIOD_SECONDS)
            self._lag.observe(max(0.0, clock() - due))

    def beat(self) -> None:
        """Does so once."""
        self._pulses.beat()
        try:
            self._gauges.look(self.sources, serving=self._pulses.serving)
            self._instruments.flush()
        except Exception as error:  # noqa: BLE001  (figures must not end the pulse)
            if repr(error) != self._said:
                self._said = repr(error)
                _log.exception("figures cannot be brought up to date")
