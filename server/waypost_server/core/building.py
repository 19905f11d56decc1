"""Builds, as their command prints and their RPC streams them, and what they leave."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltVersion:
    """A bundle in the index folder, as its manifest describes it.

    Attributes:
        version: its name.
        is_live: whether it is the live one.
        built_at: when it was written, in seconds since 1970.
        route_count: how many routes it has.
        exemplar_count: how many exemplars it has.
        encoder_name: name of the encoder that it was built with.
        encoder_fingerprint: that encoder's identity.
        routes_sha256: hash of the routes folder.
        is_tuned: whether labelled queries calibrated it.
        tuned_from: the version that was tuned, if it is in the folder; else empty.
        is_aside: whether it was refused, or only built to be tried, and has not been live since.
        refused: why the gate refused it, a sentence each; empty if it did not, or is live.
        problem: why its manifest cannot be read, and all that it says is missing; else empty.
    """

    version: str
    is_live: bool
    built_at: float
    route_count: int = 0
    exemplar_count: int = 0
    encoder_name: str = ""
    encoder_fingerprint: str = ""
    routes_sha256: str = ""
    is_tuned: bool = False
    tuned_from: str = ""
    is_aside: bool = False
    refused: tuple[str, ...] = ()
    problem: str = ""


def refusal(version: str, problems: Sequence[str]) -> str:
    """That a version did not pass the gate, and why, in one sentence without its end."""
    return f"bundle {version} did not pass the gate: {in_short(problems)}"


def in_short(problems: Sequence[str]) -> str:
    """The first of some problems, and how many more there are."""
    return problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
