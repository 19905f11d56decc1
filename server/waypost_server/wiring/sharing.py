"""What processes share, from settings."""

from waypost_server.adapters.database import open_database
from waypost_server.adapters.memory_state import MemoryState
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.errors import SettingsError
from waypost_server.core.shared_state import SharedState
from waypost_server.settings import Settings
from waypost_server.settings.records import NO_DATABASE
from waypost_server.wiring.existing import existing_database


def shared_state(settings: Settings) -> SharedState:
    """Where a server keeps this process's share; raises SettingsError."""
    if settings.has_database:
        return SqlState(open_database(settings.database))
    if settings.processes > 1:
        raise SettingsError(
            f"WAYPOST_DATABASE is {NO_DATABASE!r}, and WAYPOST_PROCESSES is {settings.processes}: "
            "a kill switch would reach one of them alone; name a database, or have one process"
        )
    return MemoryState()


def database_state(settings: Settings) -> SharedState:
    """What servers have kept in the database; raises SettingsError where there is none.

    It is not made, either.
    """
    return SqlState(existing_database(settings))
