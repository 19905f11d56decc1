import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from waypost_server.commands.audit import audit
from waypost_server.commands.token import token


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(token, list(arguments), env=environment)


def test_a_token_is_printed_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    made = run(
        "new", "shop", "--role", "caller", "--tenant", "acme", "--days", "2", "--rate", "5",
        WAYPOST_TOKENS=str(file),
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    content = file.read_text("utf-8")
    assert secret not in content
    [entry] = tomllib.loads(content)["token"]
    assert entry.pop("not_after") - datetime.now(UTC) == pytest.approx(
        timedelta(days=2), abs=timedelta(minutes=2)
    )
    assert entry == {
        "name": "shop",
        "role": "caller",
        "tenant": "acme",
        "sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "rate": 5.0,
    }
    again = run("new", "shop", "--role", "caller", "--tokens", str(file))
    assert (again.exit_code, again.stdout) == (1, "")
    assert "has a token 'shop'; revoke it first" in again.output
    assert file.read_text("utf-8") == content
    assert run("revoke", "shop", "--tokens", str(file)).exit_code == 0
    assert tomllib.loads(file.read_text("utf-8")) == {}
    gone = run("revoke", "shop", "--tokens", str(file))
    assert (gone.exit_code, "has no token 'shop'" in gone.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "a b", "--role", "caller"], "at most 64 letters"),
        (["new", "a"], "Missing option '--role'"),
        (["new", "a", "--role", "root"], "'root' is not one of"),
        (["new", "a", "--role", "admin", "--tenant", "t"], "an admin speaks for no tenant"),
        (["list"], "name the file with --tokens or WAYPOST_TOKENS"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in ended.output


def test_who_made_and_revoked_a_token_is_audited_where_servers_have_a_database(
    tmp_path: Path,
) -> None:
    database = tmp_path / "waypost.db"
    names = {
        "WAYPOST_TOKENS": str(tmp_path / "tokens.toml"),
        "WAYPOST_DATABASE": f"sqlite:///{database}",
    }
    assert run("new", "early", "--role", "admin", **names).exit_code == 0
    assert not database.exists()
    database.touch()
    run("new", "shop", "--role", "caller", "--tenant", "acme", **names)
    run("revoke", "shop", **names)
    assert run("revoke", "shop", **names).exit_code == 1
    acts = json.loads(CliRunner().invoke(audit, ["--json"], env=names).output)
    assert [(act["act"], act["target"], act["before"], act["after"]) for act in acts] == [
        ("new token", "shop", "", "caller, tenant acme"),
        ("revoke token", "shop", "caller, tenant acme", ""),
    ]
    said = CliRunner().invoke(audit, env=names).output
    assert 'revoke token shop: caller, tenant acme -> nothing "waypost token revoke"\n' in said
    assert acts[0]["who"].endswith(" at the command line")


def options_of(command: click.Command) -> Iterator[str]:
    """All that a command and those below it take."""
    yield from (name for param in command.params for name in param.opts)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from options_of(each)


def test_no_command_has_an_option_for_a_secret() -> None:
    commands = [each.load() for each in entry_points(group="waypost.commands")]
    options = {option for command in commands for option in options_of(command)}
    assert len(options) > 50
    words = ("token", "secret", "password", "key")
    told = {option for option in options if any(word in option for word in words)}
    assert told == {"--tokens", "--input-tokens", "--key"}  # a file, a number, a file
