"""Arguments and options that several commands have."""

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
OLD_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OLD_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

FILES = click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, path_type=Path),
)
INDEX = click.option("--index", type=FOLDER, help="Folder of the bundles. [default: WAYPOST_INDEX]")
ENCODER = click.option(
    "--encoder", type=FOLDER, help="Folder of the encoder. [default: WAYPOST_ENCODER]"
)
ROUTES = click.option(
    "--routes", type=FOLDER, help="Folder of the routes. [default: WAYPOST_ROUTES]"
)
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for a program."
)
