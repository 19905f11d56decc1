"""A queue in which nobody waits behind somebody else's flood."""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Takes turns among those who wait, each of whom is served in the order of arrival.

    Round robin without weights: items are of one kind and cost about the same, so that a deficit
    need not be kept. Who comes anew is served after those who wait already. Not thread-safe.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Item]] = {}  # in the order of their turns
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, who: str, item: Item) -> None:
        """Adds an item at the end of somebody's line."""
        line = self._lines.get(who)
        if line is None:
            line = self._lines[who] = deque()
        line.append(item)
        self._count += 1

    def get(self) -> Item:
        """The first item of whoever's turn it is; raises IndexError where nobody waits."""
        if not self._lines:
            raise IndexError("nobody waits")
        who = next(iter(self._lines))
        line = self._lines.pop(who)
        item = line.popleft()
        if line:
            self._lines[who] = line  # behind the others
        self._count -= 1
        return item
