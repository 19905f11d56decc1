"""A circuit breaker: a model that fails again and again is left alone for a while.

Written here, not taken from a library: those for asyncio let every waiting call through when they
half-open, so that a dead model gets a flood of probes, and do not say how long they stay open.
"""

from collections.abc import Callable
from dataclasses import dataclass

from waypost_client import Breaker

FAILURES = 5
"""In a row, until it opens."""

OPEN_MS = 30_000
"""Until one call may try."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to call a model once; give it back by `settle`."""

    era: int
    probe: bool


class CircuitBreaker:
    """Watches one model. For one event loop.

    Closed, it lets every call through; after so many failures in a row it opens, and lets none
    through; after a while it lets one through, the probe, whose outcome closes or opens it.
    """

    def __init__(self, policy: Breaker, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        self._era = 0

    def follow(self, policy: Breaker) -> None:
        """Takes another policy from now on, its state kept."""
        self._policy = policy

    def admit(self) -> Permit | None:
        """Leave for one call; None while it is open."""
        if self._opened_at is None:
            return Permit(self._era, probe=False)
        if self.open_for_s > 0 or self._probing:
            return None
        self._probing = True
        return Permit(self._era, probe=True)

    def settle(self, permit: Permit, *, well: bool | None) -> None:
        """Says how the call ended: the model was well, or not; None for no way to tell."""
        if permit.era != self._era:
            return  # begun before it opened or closed: that is known already
        self._probing = self._probing and not permit.probe
        if well:
            self._failures = 0
            if permit.probe:
                self._turn(opened_at=None)
        elif well is False:
            self._failures += 1
            if permit.probe or self._failures >= (self._policy.failures or FAILURES):
                self._turn(opened_at=self._clock())

    @property
    def is_open(self) -> bool:
        """Whether ordinary calls are refused now."""
        return self._opened_at is not None

    @property
    def open_for_s(self) -> float:
        """Seconds until a probe may go, at least 0; 0 when it is closed."""
        if self._opened_at is None:
            return 0.0
        until = self._opened_at + (self._policy.open_ms or OPEN_MS) / 1000
        return max(0.0, until - self._clock())

    def _turn(self, *, opened_at: float | None) -> None:
        self._era += 1
        self._opened_at = opened_at
        self._probing = False
        self._failures = 0
