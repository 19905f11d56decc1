"""What the figures of an evaluation must reach."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The bar for one figure.

    Attributes:
        figure: the figure's name.
        route: the route that it is about; empty for all of them.
        at_least: the lowest value that passes; None for any.
        at_most: the highest value that passes; None for any.
    """

    figure: str
    route: str = ""
    at_least: float | None = None
    at_most: float | None = None
