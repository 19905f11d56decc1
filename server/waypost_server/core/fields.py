"""Limits of the fields that callers send; what breaks one is named with the limit."""

import math
import re
from collections.abc import Collection

from waypost_server.core.errors import InvalidQueryError

MAX_NOTE_BYTES = 1_024
"""Of what people or specialists write for the log."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def check_bytes(name: str, text: str, limit: int) -> None:
    """Raises InvalidQueryError when the field called `name` is longer than so many bytes."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidQueryError(
            f"{name} has a lone surrogate at character {error.start}, which UTF-8 cannot carry"
        ) from None
    if size > limit:
        raise InvalidQueryError(f"{name} is {size:,} bytes in UTF-8; the limit is {limit:,}")


def check_decision_id(text: str) -> None:
    """Raises InvalidQueryError unless `text` may be the id of a decision."""
    if not _UUID7.fullmatch(text):
        raise InvalidQueryError(
            f"decision_id is {text[:40]!r}; send the decision_id of a contract, a UUIDv7"
        )


def check_amount(name: str, amount: float) -> None:
    """Raises InvalidQueryError unless the field called `name` is finite and not negative."""
    if not 0 <= amount < math.inf:
        raise InvalidQueryError(f"{name} is {amount}; send a finite number that is not negative")


def check_loaded(field: str, named: Collection[str], loaded: Collection[str]) -> None:
    """Raises InvalidQueryError when a field names a route that is not among the loaded ones."""
    unknown = sorted(name for name in named if name not in loaded)
    if unknown:
        raise InvalidQueryError(
            f"{field} names {unknown[0]!r}, which is not loaded; "
            f"the loaded routes are {', '.join(loaded)}"
        )
