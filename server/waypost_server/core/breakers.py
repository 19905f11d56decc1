"""Models that contracts leave out, because a client's circuit breaker for them is open."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from waypost_server.core.report import Attempt

DEFAULT_SECONDS = 30.0
"""How long a model is left out when the client does not say; as long as a breaker's default."""

MAX_SECONDS = 300.0
"""How long at most, so that one client cannot silence a model for long."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Open:
    heard: float
    until: float


class Breakers:
    """The last word on each model; not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Knows of none yet; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._why: Mapping[str, str] = NOTHING

    def hear(self, attempt: Attempt, fleet: Collection[str]) -> None:
        """Takes in what a client says of a model, unless the fleet has no such model.

        A mere failure changes nothing: another client's breaker may be open all the same.
        """
        if attempt.breaker_open and attempt.model in fleet:
            now = self._clock()
            seconds = min(attempt.breaker_open_ms / 1000 or DEFAULT_SECONDS, MAX_SECONDS)
            self._open[attempt.model] = _Open(now, now + seconds)
        elif attempt.succeeded:
            self._open.pop(attempt.model, None)

    def left_out(self) -> Mapping[str, str]:
        """Why each model is left out that is; the same object as long as it says the same."""
        if not self._open:
            return NOTHING
        now = self._clock()
        self._open = {model: word for model, word in self._open.items() if now < word.until}
        why = {
            model: (
                "a client's circuit breaker for it is open, as reported "
                f"{int(now - word.heard)} s ago"
            )
            for model, word in self._open.items()
        }
        if why != self._why:
            self._why = why
        return self._why
