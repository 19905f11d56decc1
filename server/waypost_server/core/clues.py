"""What is known of a query before it is encoded: what guard, rules and conversation found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.parts import Part
from waypost_server.core.ports import Encodings


class FlagKind(StrEnum):
    """What the guard found."""

    PROMPT_INJECTION = "PROMPT_INJECTION"
    JAILBREAK = "JAILBREAK"
    PERSONAL_DATA = "PERSONAL_DATA"
    SECRET = "SECRET"  # noqa: S105  (a kind of finding)
    ROUTE_MANIPULATION = "ROUTE_MANIPULATION"


class Severity(StrEnum):
    """How much a flag matters."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One thing that the guard found.

    Attributes:
        kind: what it is.
        start: where it starts, in code points from 0.
        end: where it ends, exclusive; 0 with start 0 for the text as a whole.
        severity: how much it matters.
        detector: which check found it, such as "iban".
    """

    kind: FlagKind
    start: int = 0
    end: int = 0
    severity: Severity
    detector: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the guard could not settle before the query was encoded.

    Attributes:
        static: the static head's logit of an attack; None where there is none.
        jailbreak: the logit of a jailbreak, given an attack.
        signs: what patterns and letters add to the logit.
        is_cut: whether the transformer will not see all of the text.
    """

    static: float | None
    jailbreak: float
    signs: float
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision that takes no encoder.

    Attributes:
        stage: what decided.
        outcome: what was decided.
        action: what the client should do.
        reason: why.
        route: where the query goes.
        rationale: one sentence that a person can check.
    """

    stage: Stage
    outcome: Outcome
    action: Action
    reason: Reason
    route: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Previous:
    """Where a conversation was.

    Attributes:
        route: its previous route, which may be chosen.
        log_odds: that the query goes on there, as far as its words tell without their topic.
    """

    route: str
    log_odds: float


@dataclass(frozen=True, kw_only=True)  # without slots, for `changed`
class Clues:
    """What is known of a query before it is encoded.

    Attributes:
        verdict: the decision, where it takes no encoder.
        flags: what the guard found, as far as callers are told.
        found: all that it found.
        boosts: logits that speak for a route, or against it, beside its score.
        forbidden: routes that may not be chosen.
        reasons: of all that, the most important first; they follow the decision's own.
        required_tags: tags that a model must have to be called.
        boosted_by_rules: routes that a rule speaks for or against, in `boosts`.
        previous: where the conversation was; None where that must not count.
        hidden: parts of the text that no log may keep.
        suspicion: what must be settled before anything is decided; None for nothing.
        relevant_text: what is to be decided about, where that is not the text as a whole; else
            empty.
        parts: what the query may be taken apart into; empty where it is taken whole for certain.
        static: the static encoding of what is to be decided about, if it is known by now.
        of_query: these, before the guards of the routes that may get it added theirs; None until
            then. Another route that it goes to instead begins with them.
    """

    verdict: Verdict | None = None
    flags: tuple[Flag, ...] = ()
    found: tuple[Flag, ...] = ()
    boosts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    forbidden: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    required_tags: frozenset[str] = frozenset()
    boosted_by_rules: frozenset[str] = frozenset()
    previous: Previous | None = None
    hidden: tuple[Flag, ...] = ()
    suspicion: Suspicion | None = None
    relevant_text: str = ""
    parts: tuple[Part, ...] = ()
    static: Encodings | None = field(default=None, repr=False, compare=False)
    of_query: "Clues | None" = field(default=None, repr=False, compare=False)


NO_CLUES = Clues()
"""Of a query that nobody has looked at yet."""

NOTHING_FOUND = Clues()
"""Of one that was looked at: equal, and another object, by which the two are told apart."""
