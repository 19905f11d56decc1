"""Frozen dataclasses with some fields changed, in a quarter of the time of `dataclasses.replace`.

That asks each field whether it may be changed and sets it by its name; a query's clues have fifteen
and are changed by each stage that looks at it, which came to a tenth of a millisecond a query.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace as changed  # so that names and types are checked alike
else:

    def changed(one, /, **by):  # noqa: ANN001, ANN003, ANN201  (as above)
        """`one` with some fields changed; of a frozen dataclass without slots or __post_init__."""
        other = object.__new__(type(one))
        other.__dict__.update(one.__dict__, **by)
        return other


__all__ = ["changed"]
