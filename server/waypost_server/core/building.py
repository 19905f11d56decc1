"""How far a build is: what its command prints and its RPC streams."""

from dataclasses import dataclass
from enum import StrEnum


class BuildPhase(StrEnum):
    """What a build is doing, or how it ended."""

    READING = "reading"
    ENCODING = "encoding"
    FITTING = "fitting"
    CHECKING = "checking"
    LIVE = "live"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStep:
    """A moment of a build.

    Attributes:
        phase: what it is doing.
        done: steps of this phase done.
        total: steps of this phase in all; 0 if that is not known.
        index_version: the new bundle, once it has a version; else empty.
        problems: why it is refused, a sentence each.
    """

    phase: BuildPhase
    done: int = 0
    total: int = 0
    index_version: str = ""
    problems: tuple[str, ...] = ()
