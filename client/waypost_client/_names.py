"""The contract's enums by name."""

from enum import StrEnum
from typing import Any


class Named(StrEnum):
    """An enum of the contract; a value that this client is too old to know is UNSPECIFIED."""

    @classmethod
    def _missing_(cls, value: object) -> "Named | None":
        return cls("UNSPECIFIED") if value != "UNSPECIFIED" else None


def name_of(enum: Any, prefix: str, number: int) -> str:  # noqa: ANN401  (generated enums share no type)
    """The value's name without its prefix; "UNSPECIFIED" for one that this client does not know."""
    known = enum.DESCRIPTOR.values_by_number.get(number)
    return known.name.removeprefix(prefix) if known else "UNSPECIFIED"
