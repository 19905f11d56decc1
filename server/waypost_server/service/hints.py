"""Open breakers between this process and the others: the last word counts, whoever heard it."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waypost_server.core.breakers import Breakers
from waypost_server.core.shared_state import Hint, SharedState


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that the others have not been told; `until` None: the breaker is closed."""

    heard: float
    until: float | None


class SharedHints:
    """Tells the others of this process's words, and takes theirs."""

    def __init__(self, state: SharedState, breakers: Breakers, clock: Callable[[], float]) -> None:
        """Listens to the breakers from now on; `clock` gives seconds and never goes back."""
        self._state = state
        self._breakers = breakers
        self._clock = clock
        self._words: dict[str, _Word] = {}
        self._writing = threading.Lock()
        breakers.tell(self._keep)

    def tell(self) -> None:
        """Tells the others what they have not been told; raises SharedStateError, and keeps it."""
        for model, word in list(self._words.items()):
            now = self._clock()
            if word.until is None:
                self._state.hint(model, None)
            elif word.until > now:
                self._state.hint(model, Hint(word.until - now, now - word.heard))
            with self._writing:
                if self._words.get(model) is word:
                    del self._words[model]

    def take(self, open_: Mapping[str, Hint], loop: asyncio.AbstractEventLoop) -> None:
        """Takes what is open for all, on the loop that the breakers belong to."""
        loop.call_soon_threadsafe(self._apply, open_)

    def _apply(self, open_: Mapping[str, Hint]) -> None:
        with self._writing:
            self._breakers.take(open_, keep=self._words)

    def _keep(self, model: str, hint: Hint | None) -> None:
        now = self._clock()
        with self._writing:
            self._words[model] = _Word(now, now + hint.left_seconds if hint else None)
        self._state.wake()
