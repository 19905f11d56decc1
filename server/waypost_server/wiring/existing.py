"""The database of a server, for commands that read what is in it."""

from pathlib import Path
from typing import TYPE_CHECKING

from waypost_server.adapters.database import SQLITE, open_database
from waypost_server.core.errors import SettingsError
from waypost_server.settings import Settings
from waypost_server.settings.records import NO_DATABASE

if TYPE_CHECKING:
    import sqlalchemy


def existing_database(settings: Settings) -> "sqlalchemy.Engine":
    """The database that the settings name, which is not made if it is not there.

    A path with a typing error would otherwise leave an empty database behind, and an answer that
    looks like a quiet night.

    Raises:
        SettingsError: there is none, or its URL is wrong.
    """
    if not settings.has_database:
        raise SettingsError(
            f"WAYPOST_DATABASE is {NO_DATABASE!r}: a server without a database keeps nothing"
        )
    engine = open_database(settings.database)
    file = Path(engine.url.database or "")
    if engine.dialect.name == SQLITE and not file.is_file():
        raise SettingsError(
            f"WAYPOST_DATABASE names {file.absolute()}, and there is no such file: name the one "
            "that the server keeps, or run the command in the server's folder"
        )
    return engine
