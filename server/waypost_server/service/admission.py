"""Who gets in: decided on the event loop, in microseconds, before anything is computed."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto

from waypost_server.core.concurrency_limit import ConcurrencyLimit
from waypost_server.core.errors import OverloadedError

DEGRADED_AFTER_SECONDS = 1.0
"""How long there must be overload before quality is given up for it: a burst is over by then."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
"""When a refused caller may come again, where as many are refused as are let in, and at most. Twice
as long where twice as many are refused, so that all together ask about as much as there is room."""

SHED_NS = 50_000_000
"""How long a query may have waited under overload and still be answered. Those that came before it
was noticed wait longest; each that is answered late makes the next ones late."""

LEAST_FOR_EACH_THREAD = 4
"""Queries under way for each thread, at least: half a run, so that it is encoded together."""


LEAST_LAG_SECONDS = 0.02
"""Less counts as none: timers of the loop count whole milliseconds, and a busy core's threads take
turns of a few."""


class Room(Enum):
    """What room there is for a query."""

    FREE = auto()
    RESERVED = auto()
    NONE = auto()


class Admission:
    """Lets queries in up to a limit, which adapts, and shares it among tenants.

    Attributes:
        refused: queries refused so far.
        degraded: queries decided in degraded mode so far.
    """

    def __init__(
        self,
        *,
        threads: int,
        capacity: int,
        delay_ms: float = 5.0,
        patience_ms: float = 500.0,
        degrades: bool = False,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Lets `capacity` in until there is overload.

        Args:
            threads: that encode.
            capacity: queries that may wait or run at most.
            delay_ms: how long queries may wait, on average, under overload.
            patience_ms: a wait that proves overload.
            degrades: whether queries are decided by the cheap stages rather than refused.
            clock: seconds, monotonic.
            draw: a random number in [0, 1).
        """
        self._clock = clock
        self._draw = draw
        self._under_way: Counter[str] = Counter()
        self._reserved = 0
        self._lately = _Lately()
        self._degrades = degrades
        self._limit = ConcurrencyLimit(
            least=min(capacity, LEAST_FOR_EACH_THREAD * threads),
            most=capacity,
            target_seconds=delay_ms / 1e3,
            grace_seconds=patience_ms / 1e3,
            clock=clock,
        )

    def set(self, *, capacity: int, delay_ms: float, patience_ms: float, degrades: bool) -> None:
        """Takes other settings; see the constructor."""
        self._degrades = degrades
        self._limit.set(
            most=capacity, target_seconds=delay_ms / 1e3, grace_seconds=patience_ms / 1e3
        )

    @property
    def limit(self) -> int:
        """Queries that may wait or run now."""
        return self._limit.limit

    @property
    def is_overloaded(self) -> bool:
        """Whether the limit is tight."""
        return self._limit.is_tight

    def sheds(self, waited_ns: int) -> bool:
        """Whether a query that has waited so long is refused after all; any thread may ask."""
        return waited_ns > SHED_NS and self._limit.was_tight

    @property
    def is_degraded(self) -> bool:
        """Whether who finds no room is served by the cheap stages."""
        return self._degrades and self._limit.overloaded_seconds >= DEGRADED_AFTER_SECONDS

    def room_for(self, tenant: str, under_way: int) -> Room:
        """What room there is for a query.

        A tenant that has less under way than its equal share is let in even when others have
        taken all the room. No more than the limit get in like that, since names can be made up.

        Args:
            tenant: who asks.
            under_way: queries that wait or run.
        """
        limit = self._limit.in_time
        if under_way < limit:
            self._lately.admitted(self._clock())
            return Room.FREE
        own = self._under_way[tenant]
        tenants = len(self._under_way) + (own == 0)
        if tenants > 1 and own < limit // tenants and self._reserved < limit:
            self._lately.admitted(self._clock())
            return Room.RESERVED
        self._limit.refused()
        self._lately.refused(self._clock())
        return Room.NONE

    @contextmanager
    def place(self, tenant: str, room: Room) -> Iterator[None]:
        """Counts a query of a tenant as under way."""
        self._under_way[tenant] += 1
        self._reserved += room is Room.RESERVED
        try:
            yield
        finally:
            self._reserved -= room is Room.RESERVED
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]

    def paced(self, seconds_each: float) -> None:
        """Hears what time a query takes lately, all threads together."""
        self._limit.paced(seconds_each)

    def waited(self, seconds: float, *, under_way: int) -> None:
        """Hears how long a query waited."""
        self._limit.waited(seconds, under_way=under_way)

    def lagged(self, seconds: float) -> None:
        """Hears how late the event loop is, which every query waits for unseen."""
        if seconds >= LEAST_LAG_SECONDS:
            self._limit.waited(seconds, under_way=self._under_way.total())

    def refusal(self) -> OverloadedError:
        """What to tell a caller that is refused."""
        seconds = RETRY_SECONDS * max(1.0, self._lately.refused_for_each_admitted)
        seconds = min(seconds, LONGEST_RETRY_SECONDS / 2) * (1 + self._draw())
        milliseconds = round(seconds * 1e3)
        return OverloadedError(
            f"{self._limit.limit} queries are waiting or running already; try again in "
            f"{milliseconds} ms",
            retry_after_s=milliseconds / 1e3,
        )


class _Lately:
    """How many were refused for each that was let in, in the last second or two."""

    def __init__(self) -> None:
        self._ends = 0.0
        self._now, self._before = [0, 0], [0, 0]

    def admitted(self, now: float) -> None:
        self._turn(now)
        self._now[0] += 1

    def refused(self, now: float) -> None:
        self._turn(now)
        self._now[1] += 1

    @property
    def refused_for_each_admitted(self) -> float:
        admitted, refused = map(sum, zip(self._now, self._before, strict=True))
        return refused / max(1, admitted)

    def _turn(self, now: float) -> None:
        if now >= self._ends:
            fresh = now < self._ends + 1.0
            self._before, self._now = (self._now if fresh else [0, 0]), [0, 0]
            self._ends = now + 1.0
