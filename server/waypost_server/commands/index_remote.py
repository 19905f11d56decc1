"""`waypost index push` and `pull`: bundles that a fleet shares."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost_server.commands.options import INDEX

if TYPE_CHECKING:
    from waypost_server.adapters.remote_bundles import RemoteBundles
    from waypost_server.settings import Settings

URL = click.option("--url", help="Where the fleet shares them. [default: WAYPOST_BUNDLES_URL]")
VERSION = click.argument("version", required=False)


@click.command()
@VERSION
@INDEX
@URL
@click.option("--again", is_flag=True, help="Copy files, too, that are there in the right size.")
@click.option("--force", is_flag=True, help="Even if the gate refused it.")
def push(
    version: str | None, index: Path | None, url: str | None, again: bool, force: bool
) -> None:
    """Copy VERSION, by default the live bundle, to where the fleet shares them, and make it live.

    One that the gate refused is not pushed: the servers do not ask it again. Those that follow the
    place with WAYPOST_WATCH take the bundle up within seconds.
    """
    settings, remote = _remote(index, url)
    found = remote.push(settings.index, version, again=again, force=force)
    click.echo(f"waypost: bundle {found} is live in {_shown(settings)}")


@click.command()
@VERSION
@INDEX
@URL
def pull(version: str | None, index: Path | None, url: str | None) -> None:
    """Fetch VERSION, by default the one that is live there, verify it and make it live here."""
    settings, remote = _remote(index, url)
    found = remote.pull(settings.index, version)
    click.echo(f"waypost: bundle {found} is live in {settings.index}")


def _remote(index: Path | None, url: str | None) -> "tuple[Settings, RemoteBundles]":
    from waypost_server.settings import Settings
    from waypost_server.wiring.following import remote_bundles

    settings = Settings.load(index=index, bundles_url=url)
    remote = remote_bundles(settings)
    if remote is None:
        raise click.UsageError("name a place with --url or WAYPOST_BUNDLES_URL")
    return settings, remote


def _shown(settings: "Settings") -> str:
    return str(settings.shown()["bundles_url"])
