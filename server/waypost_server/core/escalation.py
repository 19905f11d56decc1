"""When a language model is asked where a query goes: data of taxonomy.yaml."""

from dataclasses import dataclass
from enum import StrEnum


class When(StrEnum):
    """What the encoder may leave undecided."""

    BELOW_MIN_CONFIDENCE = "below_min_confidence"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Whom to ask, and what that may cost.

    Attributes:
        model: its name in fleet.yaml.
        deadline_ms: how long a query waits for its answer at most.
        when: what it is asked about; strangers are mostly that, and would each cost a call.
        max_concurrent: calls under way at a time in each process; who comes then goes without.
        cache_entries: answers that each process keeps; 0 for none.
        share: of those queries, the share that it is asked about, in (0, 1].
    """

    model: str
    deadline_ms: int = 1000
    when: tuple[When, ...] = (When.BELOW_MIN_CONFIDENCE, When.AMBIGUOUS)
    max_concurrent: int = 4
    cache_entries: int = 10_000
    share: float = 1.0
