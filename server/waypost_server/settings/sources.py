"""Where settings come from: a file, the environment, a command line."""

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from waypost_server.core.errors import SettingsError

PREFIX = "WAYPOST_"

CONFIG = "WAYPOST_CONFIG"
"""The variable that names the file."""

OF_CLIENT = frozenset({"ca", "cert", "key", "token_file"})
"""What the client's commands take from the same file."""

NO_SETTINGS = frozenset(
    {CONFIG, f"{PREFIX}TOKEN", *(f"{PREFIX}{name.upper()}" for name in OF_CLIENT)}
)
"""Variables that are none of a server's: the file's, and those of the client's commands."""

DEFAULT, FILE, ENVIRONMENT, COMMAND_LINE = "default", "file", "environment", "command line"

KUBERNETES = re.compile(r"WAYPOST_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
"""Variables that Kubernetes sets in every pod beside a Service called waypost; no settings."""

NEAREST = 3
"""Settings that are named in place of one that is like none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from.

    Attributes:
        kind: default, file, environment or command line.
        where: the file or the variable; empty for the others.
    """

    kind: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


@dataclass(frozen=True, slots=True)
class Sources:
    """What was said, by setting.

    Attributes:
        values: as said; not checked yet.
    """

    values: Mapping[str, Any]
    _origins: Mapping[str, Origin]

    @classmethod
    def read(cls, names: Collection[str], overrides: Mapping[str, Any]) -> Self:
        """Reads them all.

        Args:
            names: the settings there are.
            overrides: by setting; None says nothing.

        Raises:
            SettingsError: a name is unknown, or the file cannot be read.
        """
        values: dict[str, Any] = {}
        origins: dict[str, Origin] = {}
        for name, value, origin in (*_from_file(names), *_from_environment(names)):
            values[name], origins[name] = value, origin
        for name, value in overrides.items():
            if value is not None:
                values[name], origins[name] = value, Origin(COMMAND_LINE)
        return cls(values, origins)

    def origin_of(self, name: str) -> Origin:
        """Where a setting comes from."""
        return self._origins.get(name, Origin(DEFAULT))


def _from_environment(names: Collection[str]) -> list[tuple[str, str, Origin]]:
    found = []
    for variable, value in sorted(os.environ.items()):
        upper = variable.upper()
        if not upper.startswith(PREFIX) or upper in NO_SETTINGS or KUBERNETES.fullmatch(variable):
            continue
        name = upper.removeprefix(PREFIX).lower()
        if name not in names:
            raise _unknown(variable, name, names, prefix=PREFIX)
        found.append((name, value, Origin(ENVIRONMENT, variable)))
    return found


def _from_file(names: Collection[str]) -> list[tuple[str, Any, Origin]]:
    path = os.environ.get(CONFIG)
    if not path:
        return []
    origin = Origin(FILE, path)
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{CONFIG} is {path!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # the last where brackets nest by the thousand
        raise SettingsError(f"{path}: it is no TOML: {error}") from None
    of_server = {name: value for name, value in content.items() if name not in OF_CLIENT}
    for name in of_server:
        if name not in names:
            raise _unknown(f"{path}: {name}", name, names, prefix="")
    return [(name, value, origin) for name, value in of_server.items()]


def _unknown(what: str, name: str, names: Collection[str], *, prefix: str) -> SettingsError:
    def written(known: str) -> str:
        return f"{prefix}{known.upper()}" if prefix else known

    what = f"{what} is no setting of Waypost"
    if close := difflib.get_close_matches(name, names, n=1):
        return SettingsError(f"{what}; did you mean {written(close[0])}?")
    nearest = difflib.get_close_matches(name, names, n=NEAREST, cutoff=0)
    return SettingsError(
        f"{what}; the nearest are\n  {', '.join(map(written, nearest))}\n"
        "and `waypost config show --markdown` lists all"
    )
