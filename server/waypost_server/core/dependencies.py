"""Which requests of a query wait for which."""

import re
from collections.abc import Sequence

_REFERS_BACK = re.compile(
    # The "it" of "what time is it" and of "it is late" stands for nothing.
    r"(?<!\bis )(?<!\bwas )(?<!\bwill )\bit\b(?!['\u2019]s\b|\s+(?:is|was|will|would|takes?)\b)"
    r"|\b(?:its|them|they|their|those|these)\b|\bthat\W*\Z"
    r"|\bthe (?:results?|outcome|output|answers?|findings)\b",
    re.IGNORECASE,
)
"""Words that stand for what was said, or found, before; English."""


def dependencies(requests: Sequence[str], follows: Sequence[bool]) -> tuple[tuple[int, ...], ...]:
    """For each request, the positions of those that it waits for.

    One that comes after the others, as by "then", waits for all of them; one that speaks of "it" or
    "them" for the one before. A dependency too many costs time, one too few an answer.

    Args:
        requests: in order.
        follows: of each, whether it is said to come after what stands before it.
    """
    return tuple(
        _waits_for(position, request, after)
        for position, (request, after) in enumerate(zip(requests, follows, strict=True))
    )


def _waits_for(position: int, request: str, after: bool) -> tuple[int, ...]:
    if after:
        return tuple(range(position))
    return (position - 1,) if position and _REFERS_BACK.search(request) else ()
