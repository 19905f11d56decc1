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
    """

    settings: Settings
    index_version: str | None
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """As a line of JSON."""
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "index_version": self.index_version,
            "options": {name: str(value) for name, value in self.options.items() if value},
        }
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """From what `to_line` wrote; raises SettingsError as `Settings.load` does."""
        content = json.loads(line)
        return cls(
            Settings.load(**content["settings"]), content["index_version"], content["options"]
        )

    def load(self) -> Settings:
        """Reads the settings again, but for the ports, which are held; raises SettingsError."""
        ports = {name: getattr(self.settings, name) for name in ("address", "admin_address")}
        return Settings.load(**{**self.options, **ports})
