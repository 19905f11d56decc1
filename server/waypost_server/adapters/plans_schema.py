"""`plans` of taxonomy.yaml."""

from typing import Annotated

from pydantic import AfterValidator, Field

from waypost_server.adapters.section import Fraction, Section
from waypost_server.core.parts import MOST_PARTS
from waypost_server.core.plans import MIN_SIMILARITY, Plans

LONGEST_CONNECTIVE = 40
"""Characters; it is a word or three."""


def _connective(words: str) -> str:
    # They are looked for as whole words.
    if not (words[:1].isalnum() and words[-1:].isalnum()):
        raise ValueError(
            f"plans.connectives has {words!r}; write words, which begin and end with a letter"
        )
    return words.lower()


Connective = Annotated[str, Field(max_length=LONGEST_CONNECTIVE), AfterValidator(_connective)]


class PlansSection(Section):
    """`plans` of taxonomy.yaml; `{}` for plans as they come."""

    max_steps: Annotated[int, Field(ge=2, le=MOST_PARTS)] = 4
    min_similarity: Fraction = MIN_SIMILARITY
    connectives: Annotated[tuple[Connective, ...], Field(max_length=100)] = ()


def plans_of(section: PlansSection | None) -> Plans | None:
    """As core's type; None where nothing is said of plans."""
    return None if section is None else Plans(**dict(section))
