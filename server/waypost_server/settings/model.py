"""All settings together, checked."""

from collections.abc import Collection
from typing import Any, Self

from pydantic import ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from waypost_server.core.errors import SettingsError
from waypost_server.settings.capacity import Capacity
from waypost_server.settings.listening import Listening
from waypost_server.settings.observing import Observing
from waypost_server.settings.records import Records
from waypost_server.settings.routing import Routing
from waypost_server.settings.security import Security
from waypost_server.settings.sharing import Sharing
from waypost_server.settings.sources import COMMAND_LINE, FILE, PREFIX, Origin, Sources
from waypost_server.settings.wanted import wanted

NOT_DERIVED = "default_factory_not_called"


# Fields come in the order of the bases from the last to the first.
class Settings(Sharing, Observing, Records, Capacity, Routing, Security, Listening):
    """Read from a file, then from `WAYPOST_*`, then from a command line; the last one counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def load(cls, **overrides: Any) -> Self:  # noqa: ANN401  (validated below)
        """The settings, `overrides` that are not None before all others.

        Raises:
            SettingsError: a value is wrong, a `WAYPOST_*` variable or a key of the file is unknown,
                or the file cannot be read; names it.
        """
        return cls.load_with_origins(**overrides)[0]

    @classmethod
    def load_with_origins(cls, **overrides: Any) -> tuple[Self, dict[str, Origin]]:  # noqa: ANN401
        """The settings as `load` gives them, and where each comes from."""
        sources = Sources.read(cls.model_fields, overrides)
        try:
            settings = cls.model_validate(sources.values)
        except ValidationError as error:
            # A default that follows from a wrong value is not wrong itself.
            wrong = [each for each in error.errors() if each["type"] != NOT_DERIVED]
            raise SettingsError("\n".join(_explain(each, sources) for each in wrong)) from None
        origins = {name: sources.origin_of(name) for name in cls.model_fields}
        return settings, origins

    def shown(self) -> dict[str, Any]:
        """As they may be shown to anyone: JSON's types, without what is secret."""
        values = self.model_dump(mode="json")
        said = {name: "" if value is None else value for name, value in values.items()}
        return {name: _masked(name, value) for name, value in said.items()}

    @classmethod
    def reloads(cls, name: str) -> bool:
        """Whether a running server takes up another value of a setting."""
        return bool(_extra(cls.model_fields[name]).get("reloaded"))

    def changes(self, after: Self) -> Collection[str]:
        """Names of the settings that differ."""
        return [
            name for name in type(self).model_fields if getattr(self, name) != getattr(after, name)
        ]


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _masked(name: str, value: Any) -> Any:  # noqa: ANN401  (a setting's value)
    if not _extra(Settings.model_fields[name]).get("secret"):
        return value
    return _without_password(str(value))


def _without_password(url: str) -> str:
    """A URL whose password is three asterisks."""
    scheme, mark, rest = url.partition("://")
    if not mark:  # no URL, and yet it may hold a login
        scheme, rest = "", url
    login, at, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{mark}{user}{colon}{'***' if colon else ''}{at}{host}"


def _explain(error: Any, sources: Sources) -> str:  # noqa: ANN401  (pydantic's ErrorDetails)
    name = str(error["loc"][0])
    value = str(_masked(name, sources.values.get(name)))[:80]
    if error["type"] == "value_error":
        cure = error["ctx"]["error"]
    else:
        cure = f"write {wanted(Settings.model_json_schema()['properties'][name])}"
    return f"{PREFIX}{name.upper()} is {value!r}{_where(sources.origin_of(name))}: {cure}"


def _where(origin: Origin) -> str:
    """Where a value stands, in words; a variable's name says it already."""
    if origin.kind == COMMAND_LINE:
        return " on the command line"
    return f" in {origin.where}" if origin.kind == FILE else ""
