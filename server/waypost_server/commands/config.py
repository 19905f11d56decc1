"""`waypost config`."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from waypost_server.settings import Origin, Settings


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for a program.")
@click.option("--markdown", is_flag=True, help="Print all settings with their defaults, for docs.")
def show(origin: bool, as_json: bool, markdown: bool) -> None:
    """Show every setting as the server would see it now.

    A command's options come first, then WAYPOST_* variables, then the TOML file that WAYPOST_CONFIG
    names, whose keys are the variables' names in lower case without the prefix. With --origin each
    line ends with where the value comes from and whether a running server takes up another one on
    SIGHUP. Passwords are not shown.
    """
    from waypost_server.settings import PREFIX, Settings, settings_table

    if markdown:
        click.echo(settings_table())
        return
    settings, origins = Settings.load_with_origins()
    if as_json:
        values = settings.shown()
        click.echo(json.dumps(_with_origins(settings, origins) if origin else values))
        return
    for name, value in settings.shown().items():
        said = f"{PREFIX}{name.upper()}={value}"
        click.echo(f"{said}  # {origins[name]}{_when(settings, name)}" if origin else said)


def _with_origins(settings: "Settings", origins: "dict[str, Origin]") -> dict[str, object]:
    return {
        name: {
            "value": value,
            "origin": origins[name].kind,
            "where": origins[name].where,
            "reloaded": settings.reloads(name),
        }
        for name, value in settings.shown().items()
    }


def _when(settings: "Settings", name: str) -> str:
    return ", taken up on SIGHUP" if settings.reloads(name) else ""
