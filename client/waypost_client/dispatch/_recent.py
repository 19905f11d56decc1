"""Tables of what a router names: one that names ever new models must not fill the memory."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

MAX_NAME = 4096
"""Characters of a name in all its parts; what has a longer one is not remembered."""


class Recent(Generic[Value]):
    """The values that were used last, each under a name of some parts."""

    def __init__(self, most: int) -> None:
        """Remembers `most` of them."""
        self._most = most
        self._values: OrderedDict[tuple[str, ...], Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def of(self, name: tuple[str, ...], make: Callable[[], Value]) -> Value:
        """The value of a name; a new one where none is remembered."""
        value = self.get(name)
        if value is None:
            value = make()
            self.put(name, value)
        return value

    def get(self, name: tuple[str, ...]) -> Value | None:
        """The value of a name, if it is remembered."""
        value = self._values.get(name)
        if value is not None:
            self._values.move_to_end(name)
        return value

    def put(self, name: tuple[str, ...], value: Value) -> None:
        """Remembers the value of a name."""
        if sum(map(len, name)) > MAX_NAME:
            return
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
