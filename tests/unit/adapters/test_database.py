from pathlib import Path

import pytest
import sqlalchemy

from tests.postgres_server import PostgresServer, running_postgres
from waypost_server.adapters.database import open_database
from waypost_server.core.errors import SettingsError


def test_sqlite_keeps_its_file_in_a_folder_that_it_makes(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/new/folder/waypost.db")
    assert not (tmp_path / "new").exists()  # until it is used
    with engine.connect() as connection:
        pragmas = {
            name: connection.scalar(sqlalchemy.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert (tmp_path / "new/folder/waypost.db").exists()


def test_nobody_else_reads_a_new_database(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/waypost.db")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (x)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("waypost.db", "waypost.db-shm", "waypost.db-wal"), 0o600)


def test_the_mode_of_a_database_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "waypost.db"
    path.touch(0o640)
    path.chmod(0o640)
    with open_database(f"sqlite:///{path}").connect():
        assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is no URL"),
        ("waypost.db", "is no URL"),
        ("sqlite://", "write sqlite:///FILE"),
        ("mysql://me:secret@db/x", "write sqlite:///FILE"),
        ("postgresql+asyncpg://me:secret@db/x", "write sqlite:///FILE"),
    ],
)
def test_any_other_url_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"^WAYPOST_DATABASE is ") as error:
        open_database(url)
    assert said in str(error.value)
    assert "secret" not in str(error.value)


def test_postgresql_is_reached_by_its_own_driver() -> None:
    engine = open_database("postgresql://me:secret@localhost/waypost")
    assert engine.dialect.driver == "pg8000"
    assert "secret" not in repr(engine.url)


def test_both_kinds_keep_what_is_committed(database_url: str) -> None:
    table = sqlalchemy.Table(
        "kept", sqlalchemy.MetaData(), sqlalchemy.Column("text", sqlalchemy.Text)
    )
    engine = open_database(database_url)
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert().values(text="wörd"))
    engine.dispose()
    with engine.connect() as connection:
        assert connection.scalars(sqlalchemy.select(table.c.text)).all() == ["wörd"]
    engine.dispose()


def test_a_stopped_postgresql_is_an_error_and_a_started_one_answers_again(
    postgres: PostgresServer,
) -> None:
    del postgres  # skips here where there is none, before another one is set up
    with running_postgres() as server:
        engine = open_database(server.new_database())
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT 1")) == 1
        server.stop()
        with pytest.raises(sqlalchemy.exc.DBAPIError):
            engine.connect()
        server.start()
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT 1")) == 1
        engine.dispose()
