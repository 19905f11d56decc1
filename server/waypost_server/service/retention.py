"""Makes the decision log forget what is too old, a little at a time."""

import logging
import threading
import time
from collections.abc import Callable

from waypost_server.core.decision_log import DecisionLog
from waypost_server.core.errors import DecisionLogError
from waypost_server.core.retention import DAY_MS, HOUR_MS

EVERY_MS = HOUR_MS
"""Between two sweeps, whichever processes make them."""

LOOK_SECONDS = 600.0
"""Between two looks at whether it is time."""

AT_ONCE = 500
"""Decisions, and reports, that a transaction deletes: in 10 to 20 ms."""

PAUSE_SECONDS = 0.1
"""Between two transactions: whoever waits to write comes first."""

SUSPICIOUS_MS = 2 * DAY_MS
"""How far the clock may be ahead of the last sweep without a word about it."""

_log = logging.getLogger(__name__)


class Sweeper:
    """Looks now and then whether it is its turn, in a thread of its own."""

    def __init__(
        self,
        log: DecisionLog,
        *,
        days: int,
        clock: Callable[[], int] = time.time_ns,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Starts the thread.

        Args:
            log: what forgets.
            days: after how many.
            clock: wall clock, in nanoseconds since 1970.
            look_seconds: between two looks.
        """
        self._log = log
        self._days = days
        self._clock = clock
        self._look_seconds = look_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-sweeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns once the transaction under way has ended, or after a second."""
        self._closing.set()
        self._thread.join(1)

    def sweep(self) -> int:
        """Deletes what is too old, if it is this process's turn; says how many records.

        Raises:
            DecisionLogError: the database does not answer.
        """
        now_ms = self._clock() // 1_000_000
        trusted_ms = self._log.claim_sweep(now_ms, EVERY_MS)
        if trusted_ms is None:
            return 0
        if now_ms - trusted_ms > SUSPICIOUS_MS:
            _log.warning(
                "the clock is %d days ahead of the last look at the decision log's age: it forgets "
                "a day's records an hour until it has caught up; is the clock right?",
                (now_ms - trusted_ms) // DAY_MS,
            )
        before_ms, deleted = trusted_ms - self._days * DAY_MS, 0
        while not self._closing.is_set():
            count = self._log.delete_before(before_ms, limit=AT_ONCE)
            deleted += count
            if not count:
                break
            self._closing.wait(PAUSE_SECONDS)
        return deleted

    def _run(self) -> None:
        while not self._closing.wait(self._look_seconds):
            try:
                deleted = self.sweep()
            except DecisionLogError as error:
                _log.warning("%s; what is too old is deleted later", error)
            except Exception as error:  # noqa: BLE001  (a bug of ours must not end the sweeps)
                _log.error("the decision log's sweep failed", exc_info=error)
            else:
                if deleted:
                    _log.info("the decision log forgot %d records", deleted)
