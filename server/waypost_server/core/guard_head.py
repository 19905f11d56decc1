"""The guard's linear head: how much an encoding looks like an attack."""

import math
from dataclasses import dataclass, field

from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.guard_letters import LetterHead
from waypost_server.core.ports import Encodings
from waypost_server.core.softmax import LinearMap


@dataclass(frozen=True, slots=True)
class Bars:
    """Logits of an attack from which on a finding has a severity, ascending."""

    low: float
    medium: float
    high: float

    def severity(self, logit: float) -> Severity | None:
        """How much a text of this logit matters; None for not at all."""
        if logit >= self.high:
            return Severity.HIGH
        if logit >= self.medium:
            return Severity.MEDIUM
        return Severity.LOW if logit >= self.low else None


@dataclass(frozen=True, slots=True)
class GuardHead:
    """A head for one encoder.

    Attributes:
        map: logits of an attack and, given one, of a jailbreak rather than an injection, from
            encodings; classes 2.
        bars: for its logit with those of signs and letters; of the transformer's head, for the mean
            of its logit and the static one's, with them.
        alone: of the transformer's head, for its own logit with them; None: as `bars`.
        letters: the head over runs of letters that it was fitted with; None without one.
        unsure: of the static head, the logit below which nobody else need look.
    """

    map: LinearMap = field(repr=False)
    bars: Bars
    unsure: float = -math.inf
    alone: Bars | None = None
    letters: LetterHead | None = field(default=None, repr=False)

    def logits(self, encoding: Encodings) -> tuple[float, float]:
        """Of an encoding of shape (width,): of an attack, and of a jailbreak given one."""
        attack, jailbreak = self.map(encoding).tolist()
        return attack, jailbreak


def kind_of(jailbreak: float) -> FlagKind:
    """What an attack is, by the logit of a jailbreak."""
    return FlagKind.JAILBREAK if jailbreak > 0 else FlagKind.PROMPT_INJECTION
