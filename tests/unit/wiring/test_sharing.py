"""Where a server keeps what its processes share."""

from pathlib import Path

import pytest

from waypost_server.adapters.memory_state import MemoryState
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.errors import SettingsError
from waypost_server.settings import Settings
from waypost_server.wiring.sharing import database_state, shared_state


def test_servers_make_the_database_and_who_looks_at_what_they_kept_does_not(tmp_path: Path) -> None:
    settings = Settings.load(database=f"sqlite:///{tmp_path}/waypost.db", processes=4)
    with pytest.raises(SettingsError, match=r"waypost\.db, and there is no such file: name "):
        database_state(settings)
    assert not [*tmp_path.iterdir()]
    state = shared_state(settings)
    assert isinstance(state, SqlState)
    assert state.audited() == database_state(settings).audited() == []


def test_one_process_may_go_without() -> None:
    settings = Settings.load(database="none")
    assert isinstance(shared_state(settings), MemoryState)
    with pytest.raises(SettingsError, match="a server without a database keeps nothing"):
        database_state(settings)


def test_several_processes_without_a_database_are_refused() -> None:
    settings = Settings.load(database="none", processes=2)
    with pytest.raises(SettingsError, match="a kill switch would reach one of them alone"):
        shared_state(settings)
