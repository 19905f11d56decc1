"""Models that contracts leave out, because a client's circuit breaker for them is open."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from waypost_server.core.report import Attempt
from waypost_server.core.shared_state import Hint

DEFAULT_SECONDS = 30.0
"""How long a model is left out when the client does not say; as long as a breaker's default."""

MAX_SECONDS = 300.0
"""How long at most, so that one client cannot silence a model for long."""

NOTHING: Mapping[str, str] = MappingProxyType({})

Listener = Callable[[str, Hint | None], None]
"""Hears the last word on a model; None: its breaker is closed."""


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
        self._listener: Listener | None = None

    def tell(self, listener: Listener) -> None:
        """Lets a listener hear whenever a client's word changes something."""
        self._listener = listener

    def hear(self, attempt: Attempt, fleet: Collection[str]) -> None:
        """Takes in what a client says of a model, unless the fleet has no such model.

        A mere failure changes nothing: another client's breaker may be open all the same.
        """
        if attempt.breaker_open and attempt.model in fleet:
            now = self._clock()
            seconds = min(attempt.breaker_open_ms / 1000 or DEFAULT_SECONDS, MAX_SECONDS)
            self._open[attempt.model] = _Open(now, now + seconds)
            self._say(attempt.model, Hint(left_seconds=seconds, ago_seconds=0.0))
        elif attempt.succeeded and attempt.model in self._open:
            del self._open[attempt.model]
            self._say(attempt.model, None)

    def take(self, hints: Mapping[str, Hint], *, keep: Collection[str] = ()) -> None:
        """Takes what is known elsewhere for the last word.

        Args:
            hints: the models that are left out; no others are.
            keep: models on which there has been a word since; these stay as they are.
        """
        now = self._clock()
        mine = {model: word for model, word in self._open.items() if model in keep}
        theirs = {
            model: _Open(now - hint.ago_seconds, now + min(hint.left_seconds, MAX_SECONDS))
            for model, hint in hints.items()
            if model not in keep
        }
        self._open = theirs | mine

    def _say(self, model: str, hint: Hint | None) -> None:
        if self._listener:
            self._listener(model, hint)

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
