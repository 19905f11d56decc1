"""Whether a server lives, is ready and has started; of several processes any tells for all."""

import os
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from waypost_server.service.share import Share

STUCK_SECONDS = 10.0
"""An event loop that has not turned for so long hangs: the longest that it was seen to take under
full load is a tenth of a second."""

_FORM = struct.Struct("<Bd")
_NAME = "pulse_"


class Phase(IntEnum):
    """Where a process is in its life."""

    STARTING = 0
    SERVING = 1
    DRAINING = 2


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last sign of a process.

    Attributes:
        phase: where it is in its life.
        at: when its event loop turned last, by a clock that all processes of a machine share.
    """

    phase: Phase
    at: float


def is_live(pulses: Sequence[Pulse], now: float) -> bool:
    """Whether every process's event loop turns."""
    return all(now - pulse.at <= STUCK_SECONDS for pulse in pulses)


def is_ready(pulses: Sequence[Pulse]) -> bool:
    """Whether a process answers queries: those that do not yet, or not any more, take none."""
    return any(pulse.phase is Phase.SERVING for pulse in pulses)


def has_started(pulses: Sequence[Pulse]) -> bool:
    """Whether a process has begun to answer."""
    return any(pulse.phase is not Phase.STARTING for pulse in pulses)


class Pulses:
    """This process's pulse, and those of the others that share its port; thread-safe."""

    def __init__(
        self, share: Share | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Is starting.

        Args:
            share: where the others' are; None for there are none.
            clock: seconds; the same for all processes.
        """
        self._clock = clock
        self._folder = share.folder if share else None
        self._own = Pulse(Phase.STARTING, clock())
        self._file = -1
        if share:
            path = share.folder / f"{_NAME}{share.place}"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._write()

    @property
    def serving(self) -> bool:
        """Whether this process answers queries."""
        return self._own.phase is Phase.SERVING

    def enter(self, phase: Phase) -> None:
        """Goes on to another phase."""
        self._own = Pulse(phase, self._clock())
        self._write()

    def beat(self) -> None:
        """Says that the event loop turns."""
        self.enter(self._own.phase)

    def live(self) -> bool:
        """Whether every process's event loop turns."""
        return is_live(self.all(), self._clock())

    def all(self) -> Sequence[Pulse]:
        """Those of all processes; a dead one's is gone."""
        if self._folder is None:
            return (self._own,)
        found = []
        for path in self._folder.glob(f"{_NAME}*"):
            # Gone, or not written yet.
            with suppress(OSError, struct.error):
                phase, at = _FORM.unpack(path.read_bytes())
                found.append(Pulse(Phase(phase), at))
        return found

    def close(self) -> None:
        """Says nothing more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self) -> None:
        # In place, which needs no room on a full disk.
        if self._file >= 0:
            with suppress(OSError):
                os.pwrite(self._file, _FORM.pack(self._own.phase, self._own.at), 0)
