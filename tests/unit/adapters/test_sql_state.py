"""Shared state in a database that goes away, or was never there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres_server import running_postgres
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.errors import SharedStateError
from waypost_server.core.shared_state import NEVER, Process, Revisions
from waypost_server.core.switches import Kind, Switches, Target

POETRY = Target(Kind.ROUTE, "poetry")
ONE = Process(process_id="box-1", host="box", pid=1)
UNUSABLE = "the database that processes share cannot be used: "


def off(state: SqlState) -> None:
    state.switch(POETRY, enabled=False, who="", note="")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data/waypost.db"


@pytest.fixture
def state(path: Path) -> SqlState:
    return SqlState(open_database(f"sqlite:///{path}"))


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = SqlState(open_database(f"sqlite:///{tmp_path}/file/waypost.db"))
    with pytest.raises(SharedStateError, match=f"^{UNUSABLE}"):
        state.switches()


def test_a_file_that_is_no_database_is_told(path: Path, state: SqlState) -> None:
    path.parent.mkdir()
    path.write_text("not a database, " * 100)
    with pytest.raises(SharedStateError, match="file is not a database"):
        state.switches()


def test_a_file_that_is_removed_is_not_made_anew_while_it_is_used(
    path: Path, state: SqlState
) -> None:
    off(state)
    known = state.revisions()
    kept = path.parent.rename(path.parent.with_name("kept"))
    for _ in range(2):
        with pytest.raises(SharedStateError, match=UNUSABLE):
            state.switches()
        with pytest.raises(SharedStateError, match=UNUSABLE):
            state.wait(5, known)
        assert not path.exists()
    kept.rename(path.parent)
    assert [*state.switches().off] == [POETRY]
    assert state.wait(0.1, known) == known


def test_a_file_that_takes_the_place_of_another_is_the_one_that_counts(
    path: Path, state: SqlState, tmp_path: Path
) -> None:
    off(state)
    assert state.wait(0.0, Revisions()) == Revisions(switches=1)
    shutil.move(path.parent, tmp_path / "old")
    path.parent.mkdir()
    SqlState(open_database(f"sqlite:///{path}")).beat(ONE, NEVER)
    with pytest.raises(SharedStateError, match="its file was replaced by another"):
        state.switches()
    assert state.switches() == Switches()
    assert state.wait(0.0, Revisions(1, 0)) == Revisions()
    assert [peer.process for peer in state.peers()] == [ONE]


def test_a_postgresql_that_ends_is_told_and_used_again_once_it_is_back() -> None:
    with running_postgres() as server:
        state = SqlState(open_database(server.new_database()))
        off(state)
        known = state.wait(0.0, Revisions())
        server.stop()
        for _ in range(2):
            with pytest.raises(SharedStateError, match=UNUSABLE):
                state.switches()
            with pytest.raises(SharedStateError, match=UNUSABLE):
                state.wait(5, known)
        server.start()
        assert [*state.switches().off] == [POETRY]
        assert state.wait(0.1, known) == known
        state.close()


def test_a_process_killed_at_any_moment_of_a_switch_leaves_both_rows_or_none(
    repo: Path, database_url: str
) -> None:
    rounds = 15
    killed = subprocess.run(
        [sys.executable, "-m", "tests.unit.adapters.killed_switcher", database_url, str(rounds)],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.stderr == ""
    rows = [tuple(map(int, line.split())) for line in killed.stdout.splitlines()]
    assert len(rows) == rounds
    for round_, (answered, acts, revision, whole) in enumerate(rows, start=1):
        # What was answered is there; what was not, of the last of each round, may be.
        assert answered <= acts <= answered + round_
        assert revision == acts
        assert whole


def test_what_is_told_has_no_password_and_no_statement() -> None:
    state = SqlState(open_database("postgresql://me:secret@127.0.0.1:9/nowhere"))
    with pytest.raises(SharedStateError) as caught:
        state.switch(POETRY, enabled=False, who="somebody", note="private")
    for word in ("secret", "somebody", "private", "INSERT", "\n"):
        assert word not in str(caught.value)
