"""`waypost config`."""

import click


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for a program.")
@click.option("--markdown", is_flag=True, help="Print all settings with their defaults, for docs.")
def show(as_json: bool, markdown: bool) -> None:
    """Show every setting as the server would see it now."""
    from waypost_server.settings import PREFIX, Settings, settings_table

    if markdown:
        click.echo(settings_table())
        return
    settings = Settings.load()
    if as_json:
        click.echo(settings.model_dump_json())
        return
    for name, value in settings.model_dump().items():
        click.echo(f"{PREFIX}{name.upper()}={value}")
