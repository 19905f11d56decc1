"""Which processes live, as one of them sees it by its own clock, whatever others' clocks do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from waypost_server.core.shared_state import Peer

BEAT_SECONDS = 2.0
"""Between two signs of life of a process."""

SILENT_SECONDS = 3 * BEAT_SECONDS
"""Silence after which nobody waits for a process any more: three signs have been missed."""

FORGOTTEN_SECONDS = 60.0
"""Silence after which a process counts as dead. Until then it may be one that decides, cut off from
the database, and nobody may say that all heed a switch."""


@dataclass(frozen=True, slots=True)
class _Sign:
    beat: float
    at: float


class Roll:
    """Remembers when each process last gave a sign of life; not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Knows of none yet; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._signs: dict[str, _Sign] = {}

    def silence(self, peers: Sequence[Peer]) -> list[tuple[Peer, float]]:
        """The processes that may live, each with the seconds since its last sign of life.

        One that was never seen before is believed for how long it has been silent.
        """
        now = self._clock()
        signs = {}
        for peer in peers:
            name = peer.process.process_id
            sign = self._signs.get(name)
            if sign is None:
                sign = _Sign(peer.beat, now - max(0.0, peer.silent_seconds))
            elif sign.beat != peer.beat:
                sign = _Sign(peer.beat, now)
            signs[name] = sign
        self._signs = signs
        silent = [(peer, now - signs[peer.process.process_id].at) for peer in peers]
        return [(peer, seconds) for peer, seconds in silent if seconds <= FORGOTTEN_SECONDS]
