"""What the server remembers of a call."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that came.

    Attributes:
        number: how many calls of the same model came before it.
        path: its path.
        headers: its headers, names in small letters.
        raw: its body.
        body: the same, parsed.
        began_at: when it came, on `time.monotonic`.
        ended_at: when it was answered, or the client went; None while it runs.
        hung_up: whether the client went before the end.
        flooded: bytes of a flood that were written.
    """

    number: int
    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]
    began_at: float
    ended_at: float | None = None
    hung_up: bool = False
    flooded: int = 0

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))
