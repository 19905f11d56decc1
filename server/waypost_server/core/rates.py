"""How many queries a second somebody may ask."""

from collections import OrderedDict
from collections.abc import Callable

from waypost_server.core.errors import RateLimitedError

MOST_REMEMBERED = 10_000
"""Tenants whose spending is remembered at a time. Whoever is forgotten has a full bucket again."""


class Rates:
    """A bucket for each tenant, which fills at its rate; a query takes one from it.

    Only when the next query would have been due is kept of each (the generic cell rate algorithm):
    a bucket is full when that is past. Not thread-safe.
    """

    def __init__(self, clock: Callable[[], float], *, most: int = MOST_REMEMBERED) -> None:
        """Knows nobody yet; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._most = most
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, whose: str, *, rate: float, burst: float) -> None:
        """Takes a query out of somebody's bucket.

        Args:
            whose: the bucket's name, which the error begins with.
            rate: queries that come into it each second; 0 for no limit.
            burst: queries that it holds; at least 1.

        Raises:
            RateLimitedError: it is empty; says when it is not.
        """
        if not rate:
            return
        now = self._clock()
        due = max(now, self._due.get(whose, now))
        early = due - now - (burst - 1) / rate
        # Beyond what a sum of floats may be off by.
        if early > 1e-9:
            raise RateLimitedError(
                f"{whose} may ask {rate:g} queries a second, {burst:g} at once; "
                f"try again in {early:.2g} s",
                retry_after_s=early,
            )
        self._due[whose] = due + 1 / rate
        self._due.move_to_end(whose)
        if len(self._due) > self._most:
            self._due.popitem(last=False)

    def __len__(self) -> int:
        return len(self._due)
