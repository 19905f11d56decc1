"""How many queries may be under way, by how long they wait.

A queue that comes and goes is good, and one that stays only makes everyone late (Nichols and
Jacobson, "Controlling Queue Delay", 2012; RFC 8289). As in Facebook's use of it (Maurer, "Fail at
Scale", 2015), there are two bounds on a wait: a patient one as long as there is no proof of
overload, so that bursts and a few dozen callers who wait for their answers are served, and a tight
one from then on. A wait is foreseen by Little's law, so that a flood is noticed before anybody has
waited: whoever would wait beyond the patient bound is refused at once. Waits are measured here, so
that nothing need be guessed from round trips, as TCP Vegas and its heirs do.
"""

from collections.abc import Callable

WINDOW_SECONDS = 0.1
"""How long waits are looked at together: some forty queries at a few hundred a second."""

CALM_SECONDS = 1.0
"""How long nothing may have been refused until there is no overload any more."""

LEAST_FACTOR, MOST_FACTOR = 0.5, 1.1
"""What the limit changes by in a window: down in a few, up with care, as a wait shows late."""


PROOF_SECONDS = 0.1
"""For how long some must be refused, without a pause as long, until it is no burst."""


class ConcurrencyLimit:
    """A limit that keeps to the patient bound until there is overload, and then follows the waits.

    Not thread-safe.
    """

    def __init__(
        self,
        *,
        least: int,
        most: int,
        target_seconds: float,
        grace_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        """Starts at `most`.

        Args:
            least: what it never falls below, or those who work would wait for queries.
            most: what it never exceeds.
            target_seconds: mean wait to keep while there is overload.
            grace_seconds: a wait that proves overload.
            clock: seconds, monotonic.
        """
        self._least = least
        self._clock = clock
        self._tight_since: float | None = None
        self._refusing_since = 0.0
        self._refused_at = float("-inf")
        self._each = 0.0
        self._window_ends = 0.0
        self._waits = 0.0
        self._samples = 0
        self._refused = False
        self.set(most=most, target_seconds=target_seconds, grace_seconds=grace_seconds)

    def set(self, *, most: int, target_seconds: float, grace_seconds: float) -> None:
        """Takes other bounds, and begins anew."""
        self._most = most
        self._target = target_seconds
        self._grace = max(grace_seconds, target_seconds)
        self._limit = float(most)
        self._tight_since = None

    @property
    def limit(self) -> int:
        """Queries that may be under way now."""
        self._look()
        return int(self._limit)

    @property
    def in_time(self) -> int:
        """How many of them can be under way without the last having to wait too long."""
        limit = self.limit
        if self.was_tight or not self._each:
            return limit
        return int(self._bounded(self._grace / self._each))

    @property
    def overloaded_seconds(self) -> float:
        """How long there has been overload; 0 where there is none."""
        self._look()
        return 0.0 if self._tight_since is None else self._clock() - self._tight_since

    @property
    def is_tight(self) -> bool:
        """Whether there is overload."""
        self._look()
        return self.was_tight

    @property
    def was_tight(self) -> bool:
        """The same when it was last looked; any thread may ask."""
        return self._tight_since is not None

    def paced(self, seconds_each: float) -> None:
        """Hears what time each of those under way takes from the others, in seconds."""
        self._each = seconds_each

    def waited(self, seconds: float, *, under_way: int) -> None:
        """Hears how long a query waited, and how many were under way when it was answered."""
        self._look()
        if self._tight_since is None:
            if seconds > self._grace:
                # Little's law: the wait shrinks with the number that is under way.
                self._tighten(under_way * self._target / seconds)
            return
        self._waits += seconds
        self._samples += 1

    def refused(self) -> None:
        """Hears that a query found no room."""
        self._look()
        now = self._clock()
        if now - self._refused_at > PROOF_SECONDS:
            self._refusing_since = now
        if self._tight_since is None:
            limit = self.in_time
            if limit >= self._most or now - self._refusing_since >= PROOF_SECONDS:
                self._tighten(limit * LEAST_FACTOR)
        self._refused_at = now
        self._refused = True

    def _tighten(self, limit: float) -> None:
        now = self._clock()
        self._tight_since = self._refused_at = now
        self._limit = self._bounded(limit)
        self._begin_window(now)

    def _begin_window(self, now: float) -> None:
        self._window_ends = now + WINDOW_SECONDS
        self._waits, self._samples, self._refused = 0.0, 0, False

    def _look(self) -> None:
        if self._tight_since is None:
            return
        now = self._clock()
        if now - self._refused_at >= CALM_SECONDS:
            self._tight_since, self._limit = None, float(self._most)
        elif now >= self._window_ends:
            if self._samples:
                self._follow(self._waits / self._samples)
            self._begin_window(now)

    def _follow(self, wait: float) -> None:
        factor = min(max(self._target / max(wait, 1e-9), LEAST_FACTOR), MOST_FACTOR)
        if factor < 1 or self._refused:  # a limit that nobody met says nothing of a higher one
            self._limit = self._bounded(self._limit * factor)

    def _bounded(self, limit: float) -> float:
        return min(max(limit, self._least), self._most)
