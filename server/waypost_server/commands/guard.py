"""`waypost guard`."""

from pathlib import Path

import click

from waypost_server.commands.options import OLD_FOLDER
from waypost_server.commands.progress import work_bar


@click.group()
def guard() -> None:
    """Train what looks at every query before anything decides about it."""


@guard.command()
@click.option(
    "--data", type=OLD_FOLDER, required=True, help="Folder with the data sets that teach it."
)
@click.option(
    "--routes", type=OLD_FOLDER, default="routes", show_default=True,
    help="Routes folder whose exemplars teach what is ordinary.",
)  # fmt: skip
@click.option(
    "--encoder", type=OLD_FOLDER, default="models/all-MiniLM-L6-v2", show_default=True,
    help="Encoder that a head is trained for; guard.json and its arrays are written beside it.",
)  # fmt: skip
@click.option(
    "--static-encoder", type=OLD_FOLDER, default="models/all-MiniLM-L6-v2-static",
    show_default=True, help="Its static encoder, likewise.",
)  # fmt: skip
def train(data: Path, routes: Path, encoder: Path, static_encoder: Path) -> None:
    """Train the guard's heads for an encoder and its static one, and write them beside the two.

    Takes some minutes. docs/guard.md says what the data are.

    Example: waypost guard train --data ../shared/data
    """
    from waypost_server.workshop.guard_training import train_guard

    with work_bar("encoding") as progress:
        first, second = train_guard(data, routes, encoder, static_encoder, progress)
    for folder, head in ((static_encoder, first), (encoder, second)):
        bars = head.bars
        click.echo(
            f"waypost: {folder} has a head; flags from {bars.low:.2f}, medium from "
            f"{bars.medium:.2f}, high from {bars.high:.2f}"
        )
