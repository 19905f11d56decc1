"""Queries whose right route is known."""

from dataclasses import dataclass

OUT_OF_SCOPE = "oos"
"""The label of a query that belongs to no route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQuery:
    """A query and where it belongs.

    Attributes:
        text: the query, without spaces around it.
        label: the right route's name, or `OUT_OF_SCOPE`.
        source: where it was read, `FILE:LINE`.
    """

    text: str
    label: str
    source: str

    @property
    def in_scope(self) -> bool:
        """Whether it belongs to a route."""
        return self.label != OUT_OF_SCOPE
