"""`waypost init`."""

import shlex
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

STARTER = "waypost_server.starter"

HERE = "ROUTES"
"""In the README of the starter, what the folder is called."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def init(folder: Path) -> None:
    """Write a starter routes folder to DIR, which must not exist or be empty.

    Three routes, a fleet of one model and a few labelled queries, with comments that explain them.

    Example: waypost init routes && waypost build --routes routes --index index
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        click.echo(
            f"waypost: {folder} exists and is not an empty folder; name another one", err=True
        )
        sys.exit(1)
    aside = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        with as_file(files(STARTER)) as starter:
            shutil.copytree(starter, aside, ignore=shutil.ignore_patterns("__*__*"))
        readme = aside / "README.md"
        named = readme.read_text("utf-8").replace(HERE, shlex.quote(folder.resolve().name))
        readme.write_text(named, "utf-8")
        aside.replace(folder)  # whole or not at all
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        click.echo(f"waypost: {folder} cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    click.echo(f"waypost: wrote {folder}/; {folder}/README.md says what to do with it")
    if command := _off_the_path():
        click.echo(f'waypost: first: export PATH="{command.parent}:$PATH"')


def _off_the_path() -> Path | None:
    """This environment's `waypost`, where a shell would not find any."""
    command = Path(sys.executable).with_name("waypost")
    return command if command.is_file() and not shutil.which("waypost") else None
