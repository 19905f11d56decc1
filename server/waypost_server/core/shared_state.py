"""What the processes of a server, and the replicas of a fleet, share; an adapter keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from waypost_server.core.switches import Switches, Target

NEVER = -1
"""The revision that a process heeds before it has read any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that decides.

    Attributes:
        process_id: unique among all that ever were.
        host: the machine, as it calls itself.
        pid: its number there.
    """

    process_id: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A process, as the others know it.

    Attributes:
        process: which.
        revision: of the switches that it heeds.
        beat: changes whenever it says that it lives.
        silent_seconds: since it last did, by the clock that all share.
    """

    process: Process
    revision: int
    beat: float
    silent_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an operator did.

    Attributes:
        who: the name of the token; empty for somebody without one.
        act: a word for what was done.
        target: to what.
        note: why, as said then.
        before: what it was before; empty where that says nothing.
        after: what it is now.
    """

    who: str
    act: str
    target: str
    note: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """An act, and when it was done, in seconds since 1970."""

    at: float
    act: Act


@dataclass(frozen=True, slots=True)
class Revisions:
    """How often what is shared has changed; each starts anew with a new database."""

    switches: int = 0
    breakers: int = 0


@dataclass(frozen=True, slots=True)
class Hint:
    """That a client's breaker for a model is open.

    Attributes:
        left_seconds: how much longer the model is to be left out.
        ago_seconds: since that was reported.
    """

    left_seconds: float
    ago_seconds: float


@dataclass(frozen=True, slots=True)
class Hints:
    """Models to be left out for a while, by name, as of a revision."""

    revision: int = 0
    open: Mapping[str, Hint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Switched:
    """What became of a wish to switch something.

    Attributes:
        was_on: whether no switch was set on it before.
        revision: whoever heeds this one or a later one heeds the wish.
    """

    was_on: bool
    revision: int


def switching(target: Target, *, who: str, note: str, before: bool, after: bool) -> Act:
    """The act of switching something; before and after say whether it is on."""
    words = {True: "on", False: "off"}
    return Act(
        who=who,
        act=f"switch {target.kind}",
        target=target.name,
        note=note,
        before=words[before],
        after=words[after],
    )


class SharedState(Protocol):
    """Kept where all processes reach it; thread-safe.

    Every call may take a while, and raises SharedStateError when the state cannot be reached.
    """

    def revisions(self) -> Revisions:
        """How often what is shared has changed."""

    def wait(self, seconds: float, known: Revisions) -> Revisions:
        """Waits until the revisions are others than these, somebody wakes it, or time is up.

        For one thread at a time.

        Returns:
            The revisions now.
        """

    def wake(self) -> None:
        """Ends a wait of this process; never fails."""

    def switches(self) -> Switches:
        """What is switched off."""

    def switch(self, target: Target, *, enabled: bool, who: str, note: str) -> Switched:
        """Switches something on or off and audits it, both or neither.

        What is as it should be stays as it is, with who switched it first.
        """

    def hints(self) -> Hints:
        """The models whose breakers were reported as open, and have not been closed since."""

    def hint(self, model: str, hint: Hint | None) -> None:
        """Takes the last word on a model's breaker; None: it is closed."""

    def audit(self, act: Act) -> None:
        """Keeps an act."""

    def audited(self, *, since: float = 0.0) -> Sequence[Audited]:
        """The acts since then, in seconds since 1970, oldest first."""

    def beat(self, process: Process, revision: int) -> None:
        """Says that a process lives, and which switches it heeds."""

    def peers(self) -> Sequence[Peer]:
        """The processes that have not left, dead ones, too."""

    def leave(self, process: Process) -> None:
        """Says that a process decides no more."""

    def close(self) -> None:
        """Lets go of the state."""
