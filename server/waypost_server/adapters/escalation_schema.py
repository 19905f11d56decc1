"""What taxonomy.yaml may say of asking a language model."""

from typing import Annotated

from pydantic import Field, field_validator

from waypost_server.adapters.section import Section
from waypost_server.core.escalation import Escalation, When

MAX_DEADLINE_MS = 60_000


class EscalationSection(Section):
    """`escalation` of taxonomy.yaml."""

    model: Annotated[str, Field(min_length=1)]
    deadline_ms: int = 1000
    when: tuple[When, ...] = (When.BELOW_MIN_CONFIDENCE, When.AMBIGUOUS)
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 4
    cache_entries: Annotated[int, Field(ge=0, le=10_000_000)] = 10_000
    share: Annotated[float, Field(gt=0, le=1)] = 1.0

    @field_validator("deadline_ms")
    @classmethod
    def _lets_it_answer(cls, value: int) -> int:
        if not 1 <= value <= MAX_DEADLINE_MS:
            raise ValueError(
                f"escalation.deadline_ms is {value}; write how many milliseconds a query may wait "
                f"for the model, 1 to {MAX_DEADLINE_MS}, or remove escalation to ask nobody"
            )
        return value

    @field_validator("when")
    @classmethod
    def _names_an_occasion(cls, value: tuple[When, ...]) -> tuple[When, ...]:
        if not value:
            raise ValueError(
                f"escalation.when is empty; name one of {', '.join(When)}, or remove escalation"
            )
        return tuple(sorted(set(value)))


def escalation_of(section: EscalationSection | None) -> Escalation | None:
    """As core's type."""
    return None if section is None else Escalation(**dict(section))
