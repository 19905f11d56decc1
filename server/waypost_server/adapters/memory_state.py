"""Shared state in memory: of one process alone, or of several that a test makes of one."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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


@dataclass(slots=True)
class _Kept:
    changed: threading.Condition = field(default_factory=threading.Condition)
    revisions: Revisions = field(default_factory=Revisions)
    off: dict[Target, Switch] = field(default_factory=dict)
    open: dict[str, tuple[float, float]] = field(default_factory=dict)
    acts: list[Audited] = field(default_factory=list)
    peers: dict[Process, tuple[int, float]] = field(default_factory=dict)


class MemoryState:
    """Implements core's SharedState; gone with the process."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, beside: "MemoryState | None" = None
    ) -> None:
        """A process's share.

        Args:
            clock: gives seconds since 1970.
            beside: whose state it is a share in; None for one of its own.
        """
        self._clock = clock
        self._kept: _Kept = beside._kept if beside else _Kept()
        self._changed = self._kept.changed
        self._woken = False

    def revisions(self) -> Revisions:
        """As the port says."""
        return self._kept.revisions

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """As the port says."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken or self._kept.revisions != known, seconds)
            self._woken = False
            return self._kept.revisions

    def wake(self) -> None:
        """As the port says."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def switches(self) -> Switches:
        """As the port says."""
        with self._changed:
            return Switches(self._kept.revisions.switches, dict(self._kept.off))

    def switch(self, target: Target, *, enabled: bool, who: str, note: str) -> Switched:
        """As the port says."""
        with self._changed:
            was_on = target not in self._kept.off
            self._keep(switching(target, who=who, note=note, before=was_on, after=enabled))
            if enabled != was_on:
                if enabled:
                    del self._kept.off[target]
                else:
                    self._kept.off[target] = Switch(who, note, self._clock())
                self._change(
                    replace(self._kept.revisions, switches=self._kept.revisions.switches + 1)
                )
            return Switched(was_on, self._kept.revisions.switches)

    def hints(self) -> Hints:
        """As the port says."""
        with self._changed:
            now = self._clock()
            return Hints(
                self._kept.revisions.breakers,
                {
                    model: Hint(until - now, now - heard)
                    for model, (heard, until) in self._kept.open.items()
                    if until > now
                },
            )

    def hint(self, model: str, hint: Hint | None) -> None:
        """As the port says."""
        with self._changed:
            now = self._clock()
            self._kept.open.pop(model, None)
            if hint:
                self._kept.open[model] = (now - hint.ago_seconds, now + hint.left_seconds)
            revisions = self._kept.revisions
            self._change(replace(revisions, breakers=revisions.breakers + 1))

    def audit(self, act: Act) -> None:
        """As the port says."""
        with self._changed:
            self._keep(act)

    def audited(self, *, since: float = 0.0) -> Sequence[Audited]:
        """As the port says."""
        with self._changed:
            return [kept for kept in self._kept.acts if kept.at >= since]

    def beat(self, process: Process, revision: int) -> None:
        """As the port says."""
        with self._changed:
            self._kept.peers[process] = (revision, self._clock())

    def peers(self) -> Sequence[Peer]:
        """As the port says."""
        with self._changed:
            now = self._clock()
            return [
                Peer(process=process, revision=revision, beat=beat, silent_seconds=now - beat)
                for process, (revision, beat) in self._kept.peers.items()
            ]

    def leave(self, process: Process) -> None:
        """As the port says."""
        with self._changed:
            self._kept.peers.pop(process, None)

    def close(self) -> None:
        """As the port says."""

    def _keep(self, act: Act) -> None:
        self._kept.acts.append(Audited(self._clock(), act))
        del self._kept.acts[:-KEPT_ACTS]

    def _change(self, revisions: Revisions) -> None:
        self._kept.revisions = revisions
        self._changed.notify_all()
