"""Keeping in the database what people did at the command line."""

import getpass
import os

from waypost_server.core.errors import SettingsError, SharedStateError
from waypost_server.core.shared_state import Act
from waypost_server.settings import Settings
from waypost_server.wiring.sharing import database_state


def audit(
    settings: Settings,
    act: str,
    target: str,
    *,
    note: str,
    before: str = "",
    after: str = "",
    if_there: bool = False,
) -> str:
    """Keeps in the database that whoever runs this process did something.

    Args:
        settings: name the database.
        act: a word for what was done.
        target: to what.
        note: by which command.
        before: what it was before; empty where that says nothing.
        after: what it is now.
        if_there: whether it is well if there is no database yet: what is done before the first
            server runs need not be audited.

    Returns:
        Why it cannot be kept; empty if it is, or if no database is wanted.
    """
    if not settings.has_database:
        return ""
    done = Act(who=_user(), act=act, target=target, note=note, before=before, after=after)
    try:
        state = database_state(settings)
    except SettingsError as error:
        return "" if if_there else str(error)
    try:
        state.audit(done)
    except SharedStateError as error:
        return str(error)
    finally:
        state.close()
    return ""


def _user() -> str:
    try:
        return f"{getpass.getuser()} at the command line"
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()} at the command line"
