"""What the supervisor tells a process that it starts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from waypost_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """How to serve.

    Attributes:
        settings: all of them, the addresses with their ports.
        index_version: the bundle to serve; None for the live one.
        options: the settings that the command line said; the same count again on SIGHUP.
        place: which of the processes this is, from 0; one that takes a dead one's place has it too.
        common_folder: where the processes keep what any of them tells for all; empty for nowhere.
    """

    settings: Settings
    index_version: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    place: int = 0
    common_folder: str = ""

    def to_line(self) -> bytes:
        """As a line of JSON."""
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "index_version": self.index_version,
            "options": {name: str(value) for name, value in self.options.items() if value},
            "place": self.place,
            "common_folder": self.common_folder,
        }
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """From what `to_line` wrote; raises SettingsError as `Settings.load` does."""
        content = json.loads(line)
        return cls(**{**content, "settings": Settings.load(**content["settings"])})

    def load(self) -> Settings:
        """Reads the settings again, but for the ports, which are held; raises SettingsError."""
        held = ("address", "admin_address", "http_address")
        ports = {name: getattr(self.settings, name) for name in held}
        return Settings.load(**{**self.options, **ports})
