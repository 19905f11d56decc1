"""A circuit breaker: what fails again and again is left alone for a while.

Of its own, since the client's, which works alike, is the client's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from waypost_server.core.policy import Breaker


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call; give it back by `settle`."""

    era: int
    probe: bool


class CircuitBreaker:
    """Watches one model; for one event loop.

    Closed, it lets every call through. After so many failures in a row it opens and lets none
    through, and after a while one, the probe, whose end closes it or opens it again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Closed; `clock` gives seconds that never go back."""
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        self._era = 0

    @property
    def is_open(self) -> bool:
        """Whether ordinary calls are refused now."""
        return self._opened_at is not None

    def admit(self, policy: Breaker) -> Permit | None:
        """Leave for one call; None while it is open."""
        if self._opened_at is None:
            return Permit(self._era, probe=False)
        if self._probing or self._clock() < self._opened_at + policy.open_ms / 1000:
            return None
        self._probing = True
        return Permit(self._era, probe=True)

    def settle(self, permit: Permit, policy: Breaker, *, well: bool | None) -> None:
        """Says how the call ended: the model was well, or not; None where that does not show."""
        if permit.era != self._era:
            return  # begun before it opened or closed: that is known already
        if permit.probe:
            self._probing = False
        if well:
            self._failures = 0
            if permit.probe:
                self._turn(opened_at=None)
        elif well is False:
            self._failures += 1
            if permit.probe or self._failures >= policy.failures:
                self._turn(opened_at=self._clock())

    def _turn(self, *, opened_at: float | None) -> None:
        self._era += 1
        self._opened_at = opened_at
        self._probing = False
        self._failures = 0
