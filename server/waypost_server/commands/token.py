"""`waypost token`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost_server.commands.options import AS_JSON

if TYPE_CHECKING:
    from waypost_server.settings import Settings

FILE = click.option(
    "--tokens",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of tokens. [default: WAYPOST_TOKENS]",
)
NAME = click.argument("name")


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that callers and operators send.

    A running server takes up the change within seconds.
    """


@token.command()
@NAME
@click.option("--role", type=click.Choice(["caller", "admin"]), required=True)
@click.option("--tenant", help="The only tenant that its holder may speak for. [default: any]")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it holds.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Queries a second. [default: what its tenant may ask]",
)
@FILE
def new(
    name: str,
    role: str,
    tenant: str | None,
    days: float | None,
    rate: float | None,
    tokens: Path | None,
) -> None:
    """Make a token and print it, this once; only its hash is kept.

    Example: waypost token new checkout --role caller --tenant acme --days 90
    """
    from waypost_server.adapters.token_file import changing, is_name
    from waypost_server.core.tokens import Role, Token, digest_of, new_secret

    if not is_name(name):
        raise click.BadParameter("at most 64 letters, digits, '.', '_' and '-'", param_hint="NAME")
    if tenant is not None and role == Role.ADMIN:
        raise click.UsageError("an admin speaks for no tenant: leave out --tenant")
    settings, secret = _settings(tokens), new_secret()
    path = _path(settings)
    with changing(path) as known:
        if name in [each.name for each in known]:
            raise click.ClickException(f"{path} has a token {name!r}; revoke it first")
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) if days else None
        known.append(
            Token(
                name=name,
                role=Role(role),
                tenant=tenant,
                sha256=digest_of(secret),
                not_after=end,
                rate=rate,
            )
        )
    click.echo(secret)
    _audit(settings, "new token", name, after=_opens(role, tenant))
    click.echo(f"{path} has its hash; the token itself is not shown again.", err=True)


@token.command("list")
@FILE
@AS_JSON
def list_(tokens: Path | None, as_json: bool) -> None:
    """List the tokens, without what would let anybody use one."""
    from waypost_server.adapters.token_file import read_token_file, token_list

    path, now = _path(_settings(tokens)), datetime.now(UTC)
    rows = [
        {
            "name": each.name,
            "role": str(each.role),
            "tenant": each.tenant,
            "not_after": each.not_after and each.not_after.isoformat(),
            "ended": each.has_ended(now),
            "rate": each.rate,
        }
        for each in token_list(read_token_file(path), path)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        ended_or_until = "ended" if row["ended"] else "until"
        facts = (
            str(row["role"]),
            f"tenant {row['tenant']}" if row["tenant"] else "",
            f"{ended_or_until} {row['not_after']}" if row["not_after"] else "",
            f"{row['rate']:g} queries/s" if row["rate"] else "",
        )
        click.echo(f"{row['name']}: {', '.join(filter(None, facts))}")


@token.command()
@NAME
@FILE
def revoke(name: str, tokens: Path | None) -> None:
    """Let a token hold no more, by taking its hash out of the file."""
    from waypost_server.adapters.token_file import changing

    settings = _settings(tokens)
    path = _path(settings)
    with changing(path) as known:
        gone = [each for each in known if each.name == name]
        if not gone:
            raise click.ClickException(f"{path} has no token {name!r}")
        known[:] = [each for each in known if each.name != name]
    _audit(settings, "revoke token", name, before=_opens(gone[0].role, gone[0].tenant))
    click.echo(f"{name} is revoked: running servers refuse it within seconds.", err=True)


def _settings(tokens: Path | None) -> "Settings":
    from waypost_server.settings import Settings

    return Settings.load(tokens=tokens)


def _path(settings: "Settings") -> Path:
    path = settings.tokens
    if path is None:
        raise click.UsageError("name the file with --tokens or WAYPOST_TOKENS")
    return path


def _opens(role: str, tenant: str | None) -> str:
    return f"{role}, tenant {tenant}" if tenant else str(role)


def _audit(settings: "Settings", act: str, name: str, *, before: str = "", after: str = "") -> None:
    from waypost_server.workshop.auditing import audit

    note = f"waypost token {act.split()[0]}"
    if lacks := audit(settings, act, name, note=note, before=before, after=after, if_there=True):
        click.echo(f"waypost: not audited: {lacks}", err=True)
