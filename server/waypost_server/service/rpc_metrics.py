"""Times calls, by method and status code."""

from collections.abc import Callable
from time import perf_counter

from waypost_server.core import metric_names as names
from waypost_server.service.call_watch import End
from waypost_server.service.instruments import Instruments
from waypost_server.service.interceptor import Context
from waypost_server.service.tallies import Spread


class RpcMetrics:
    """Implements CallWatcher."""

    def __init__(self, instruments: Instruments, clock: Callable[[], float] = perf_counter) -> None:
        """Has seen none yet; `clock` gives seconds."""
        self._to = instruments
        self._clock = clock
        self._spreads: dict[tuple[str, str], Spread] = {}
        self._unread = instruments.tally((names.RPC_UNREAD, ()))

    def began(self, method: str, context: Context) -> End:
        """Begins to time a call."""
        began = self._clock()

        def ended(code: str) -> None:
            spread = self._spreads.get((method, code)) or self._spread(method, code)
            spread.observe(self._clock() - began)

        return ended

    def unread(self) -> None:
        """Counts a call that ended before its request was there."""
        self._unread.count += 1

    def _spread(self, method: str, code: str) -> Spread:
        made = self._spreads[method, code] = self._to.spread(names.RPC_SECONDS, method, code)
        return made
