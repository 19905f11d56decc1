"""What the supervisor tells a process that it starts."""

import json
from dataclasses import dataclass
from typing import Self

from waypost_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """How to serve.

    Attributes:
        settings: all of them, the address with its port.
        index_version: the bundle to serve; None for the live one.
    """

    settings: Settings
    index_version: str | None

    def to_line(self) -> bytes:
        """As a line of JSON."""
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "index_version": self.index_version,
        }
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """From what `to_line` wrote; raises SettingsError as `Settings.load` does."""
        content = json.loads(line)
        return cls(Settings.load(**content["settings"]), content["index_version"])
