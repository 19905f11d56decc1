"""What commands of the client take from the file of WAYPOST_CONFIG, and what counts more."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from waypost_client.admin_commands import admin_option
from waypost_client.commands import address_option
from waypost_client.way import Way, way_options
from waypost_server.core.errors import SettingsError
from waypost_server.service.address import admin_address_of
from waypost_server.settings import Settings


@click.command()
@address_option
@click.option("--json", "as_json", is_flag=True)
@way_options
def calling(address: str, as_json: bool, way: Way) -> None:
    """Says how it would call."""
    assert not as_json
    click.echo(json.dumps({"address": address, **asdict(way)}))


@click.command()
@admin_option
def administering(address: str) -> None:
    """Says where it would call."""
    click.echo(json.dumps({"address": address}))


def run(command: click.Command, *arguments: str, **settings: str | Path) -> Result:
    environment: dict[str, str | None] = {name: None for name in os.environ if "WAYPOST" in name}
    environment |= {f"WAYPOST_{name.upper()}": str(value) for name, value in settings.items()}
    return CliRunner().invoke(command, arguments, env=environment)


def said(command: click.Command, *arguments: str, **settings: str | Path) -> dict[str, Any]:
    ended = run(command, *arguments, **settings)
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "waypost.toml"
    (tmp_path / "token").write_text("wp_of_the_file\n")
    path.write_text(
        "address = 'router.example:7000'\nworkers = 2\nca = 'ca.pem'\ncert = 'me.pem'\n"
        f"key = 'me.key'\ntoken_file = '{tmp_path}/token'\n"
    )
    return path


def test_without_a_file_it_is_loopback() -> None:
    assert said(calling) == {
        "address": "127.0.0.1:50051",
        "tls": None,
        "token": "",
        "insecure": False,
    }
    assert said(administering) == {"address": "127.0.0.1:50052"}


def test_all_of_it_may_come_from_the_file(file: Path) -> None:
    assert said(calling, config=file) == {
        "address": "router.example:7000",
        "tls": {"ca": "ca.pem", "cert": "me.pem", "key": "me.key", "server_name": ""},
        "token": "wp_of_the_file",
        "insecure": False,
    }
    assert said(administering, config=file) == {"address": "127.0.0.1:7001"}


def test_the_environment_counts_more_and_the_command_line_most(file: Path) -> None:
    found = said(calling, config=file, address="a:1", ca="public", token="wp_mine")  # noqa: S106
    assert (found["address"], found["tls"]["ca"], found["token"]) == ("a:1", None, "wp_mine")
    found = said(calling, "--address", "b:2", "--ca", "b.pem", config=file, address="a:1", ca="a")
    assert (found["address"], found["tls"]["ca"]) == ("b:2", "b.pem")
    assert said(administering, config=file, address="a:1") == {"address": "127.0.0.1:2"}
    assert said(administering, config=file, admin_address="a:9") == {"address": "a:9"}
    assert said(administering, "--admin", "b:8", config=file, admin_address="a:9") == {
        "address": "b:8"
    }


@pytest.mark.parametrize(
    ("listens", "called"),
    [
        ("0.0.0.0:7000", "127.0.0.1:7000"),
        ("[::]:7000", "[::1]:7000"),
        ("10.0.0.1:7000", "10.0.0.1:7000"),
    ],
)
def test_a_server_that_listens_everywhere_is_called_here(
    tmp_path: Path, listens: str, called: str
) -> None:
    file = tmp_path / "waypost.toml"
    file.write_text(f"address = '{listens}'\nadmin_address = '{listens}'\n")
    assert said(calling, config=file)["address"] == called
    assert said(administering, config=file)["address"] == called


def test_the_server_takes_the_same_file_and_is_where_it_is_called(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYPOST_CONFIG", str(file))
    settings = Settings.load()
    assert (settings.address, settings.workers) == ("router.example:7000", 2)
    admin = admin_address_of(settings.address, settings.admin_address)
    assert said(administering, config=file)["address"] == admin
    file.write_text("token = 'wp_secret'\n")
    with pytest.raises(SettingsError, match="token is no setting") as refused:
        Settings.load()
    assert "wp_secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("address = 5", "{file}: address is no text; put it in quotes"),
        ("address", "{file}: it is no TOML: "),
        ("address = " + "[" * 100_000, "{file}: it is no TOML: "),
        ("token_file = '/nowhere/token'", "token_file in WAYPOST_CONFIG is '/nowhere/token': No"),
    ],
    ids=["number", "no TOML", "nested", "no token"],
)
def test_what_is_wrong_is_said(file: Path, content: str, problem: str) -> None:
    file.write_text(content)
    ended = run(calling, config=file)
    assert ended.exit_code == 2
    assert problem.format(file=file) in ended.stderr


def test_a_file_that_is_not_there_is_said_but_help_needs_none() -> None:
    ended = run(calling, config="/nowhere.toml")
    assert ended.exit_code == 2
    assert "WAYPOST_CONFIG is '/nowhere.toml': No such file" in ended.stderr
    assert run(calling, "--help", config="/nowhere.toml").exit_code == 0
