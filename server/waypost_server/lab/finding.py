"""What the doctor found: one thing that is wrong with the exemplars or the routes, and its cure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much it matters, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Kind(StrEnum):
    """What is wrong; within a severity the first matters most."""

    SAME_IN_TWO_ROUTES = "same_in_two_routes"
    NEAR_SAME_IN_TWO_ROUTES = "near_same_in_two_routes"
    MERGE = "merge"
    CONFUSABLE = "confusable"
    MISROUTED = "misrouted"
    RULES_CONTRADICT = "rules_contradict"
    RULE_WRONG = "rule_wrong"
    RULE_SHADOWED = "rule_shadowed"
    RULE_NEVER_FIRES = "rule_never_fires"
    THIN = "thin"
    DUPLICATE = "duplicate"
    BUSY = "busy"
    IDLE = "idle"
    STRANGE_LOG = "strange_log"
    OTHER_LANGUAGE = "other_language"
    FALLBACK_LOOP = "fallback_loop"
    CROWDED_LEVEL = "crowded_level"
    UNEVEN = "uneven"
    NEARER_ELSEWHERE = "nearer_elsewhere"
    NEAR_DUPLICATE = "near_duplicate"
    NO_MODEL = "no_model"
    NO_PROMPT = "no_prompt"
    NO_DESCRIPTION = "no_description"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Sentence:
    """An exemplar that shows a finding, and its route."""

    route: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to mend.

    Attributes:
        kind: what sort of thing it is.
        severity: how much it matters.
        routes: whom it is about.
        problem: what is wrong, in a sentence.
        sentences: exemplars that show it, the plainest first; may be none.
        figures: what was measured, by name.
        cure: what to do about it, in a sentence.
    """

    kind: Kind
    severity: Severity
    routes: tuple[str, ...]
    problem: str
    sentences: tuple[Sentence, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    cure: str
