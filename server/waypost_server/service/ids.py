"""Decision ids."""

import os
import threading
import time
import uuid
from collections.abc import Callable

RANDOM_BITS = 74
STEP_BITS = 32
"""Of the random step from an id to the next of the same millisecond: few enough that a million of
them stay in it."""


class Ids:
    """Makes UUIDv7s (RFC 9562, section 5.7), each later than the one before; thread-safe.

    They sort by time, and where the clock stands still or goes back, they count on from the last
    one (method 2 of section 6.2): in one process no clock can make two that are equal.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """Takes a wall clock, in nanoseconds since 1970."""
        self._clock = clock
        self._last = 0  # the bits that are free, 48 of time and the random ones
        self._lock = threading.Lock()

    def new(self) -> str:
        """The next one."""
        random = int.from_bytes(os.urandom(10)) >> 80 - RANDOM_BITS
        with self._lock:
            milliseconds = self._clock() // 1_000_000
            if milliseconds > self._last >> RANDOM_BITS:
                self._last = milliseconds << RANDOM_BITS | random
            else:
                self._last += 1 + (random >> RANDOM_BITS - STEP_BITS)
            value = self._last
        milliseconds, high = value >> RANDOM_BITS, value >> 62 & (1 << 12) - 1
        low = value & (1 << 62) - 1
        return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))


new_decision_id = Ids().new
"""The next id of this process."""
