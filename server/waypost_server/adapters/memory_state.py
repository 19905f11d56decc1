"""Shared state in memory: of one process alone, or of several that a test makes of one."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from waypost_server.core.shared_state import (
    Act,
    Audited,
    Hint,
    Hints,
    Peer,
    Process,
    Revisions,
    Switched,
    switching,
)
from waypost_server.core.switches import Switch, Switches, Target

KEPT_ACTS = 10_000
"""Acts that are kept, the last ones: 5 MB at the longest notes."""


class MemoryState:
    """Implements core's SharedState; gone with the process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Holds nothing yet; `clock` gives seconds since 1970."""
        self._clock = clock
        self._changed = threading.Condition()
        self._woken = False
        self._revisions = Revisions()
        self._off: dict[Target, Switch] = {}
        self._open: dict[str, tuple[float, float]] = {}
        self._acts: list[Audited] = []
        self._peers: dict[Process, tuple[int, float]] = {}

    def revisions(self) -> Revisions:
        """As the port says."""
        return self._revisions

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As the port says."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken or self._revisions != known, seconds)
            self._woken = False
            return self._revisions

    def wake(self) -> None:
        """As the port says."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def switches(self) -> Switches:
        """As the port says."""
        with self._changed:
            return Switches(self._revisions.switches, dict(self._off))

    def switch(self, target: Target, *, enabled: bool, who: str, note: str) -> Switched:
        """As the port says."""
        with self._changed:
            was_on = target not in self._off
            self._keep(switching(target, who=who, note=note, before=was_on, after=enabled))
            if enabled != was_on:
                if enabled:
                    del self._off[target]
                else:
                    self._off[target] = Switch(who, note, self._clock())
                self._change(replace(self._revisions, switches=self._revisions.switches + 1))
            return Switched(was_on, self._revisions.switches)

    def hints(self) -> Hints:
        """As the port says."""
        with self._changed:
            now = self._clock()
            return Hints(
                self._revisions.breakers,
                {
                    model: Hint(until - now, now - heard)
                    for model, (heard, until) in self._open.items()
                    if until > now
                },
            )

    def hint(self, model: str, hint: Hint | None) -> None:
        """As the port says."""
        with self._changed:
            now = self._clock()
            self._open.pop(model, None)
            if hint:
                self._open[model] = (now - hint.ago_seconds, now + hint.left_seconds)
            self._change(replace(self._revisions, breakers=self._revisions.breakers + 1))

    def audit(self, act: Act) -> None:
        """As the port says."""
        with self._changed:
            self._keep(act)

    def audited(self, *, since: float = 0.0) -> Sequence[Audited]:
        """As the port says."""
        with self._changed:
            return [kept for kept in self._acts if kept.at >= since]

    def beat(self, process: Process, revision: int) -> None:
        """As the port says."""
        with self._changed:
            self._peers[process] = (revision, self._clock())

    def peers(self) -> Sequence[Peer]:
        """As the port says."""
        with self._changed:
            now = self._clock()
            return [
                Peer(process=process, revision=revision, beat=beat, silent_seconds=now - beat)
                for process, (revision, beat) in self._peers.items()
            ]

    def leave(self, process: Process) -> None:
        """As the port says."""
        with self._changed:
            self._peers.pop(process, None)

    def close(self) -> None:
        """As the port says."""

    def _keep(self, act: Act) -> None:
        self._acts.append(Audited(self._clock(), act))
        del self._acts[:-KEPT_ACTS]

    def _change(self, revisions: Revisions) -> None:
        self._revisions = revisions
        self._changed.notify_all()
