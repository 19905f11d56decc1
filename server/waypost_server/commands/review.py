"""`waypost review`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from waypost_server.commands.options import AS_JSON, ROUTES

FILE = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of examples. [default: WAYPOST_REVIEW_FILE]",
)
IDS = click.argument("ids", nargs=-1, required=True, metavar="ID...")


@click.group()
def review() -> None:
    """Look at what a language model chose, and make exemplars of it.

    A server that has WAYPOST_REVIEW_FILE keeps there each query that it asked the model of
    taxonomy.yaml's escalation about, with the route that the model chose.
    """


@review.command("list")
@FILE
@AS_JSON
def list_(file: Path | None, as_json: bool) -> None:
    """List the examples that wait, the oldest first."""
    from waypost_server.adapters.review_file import read_review

    path = _path(file)
    waiting = read_review(path).waiting.values() if path.exists() else ()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in waiting], indent=2, ensure_ascii=False))
        return
    for one in waiting:
        doubt = f"the encoder: {one.confidence:.0%}"
        if one.encoder_route != one.route:
            doubt += f", likes {one.encoder_route} better"
        click.echo(f"{one.id}  {one.route}  ({doubt})\n  {_shown(one.text)}")
    if not waiting:
        click.echo(f"no example waits in {path}", err=True)


@review.command()
@IDS
@click.option("--route", help="Where they belong. [default: where the model said]")
@ROUTES
@FILE
@AS_JSON
def accept(
    ids: tuple[str, ...], route: str | None, routes: Path | None, file: Path | None, as_json: bool
) -> None:
    """Add examples to the exemplars of their routes; build the index then.

    Example: waypost review accept 3f2a9c01b77d --route debugging
    """
    from waypost_server.settings import Settings
    from waypost_server.workshop.reviewing import accept as accept_all

    folder = Settings.load(routes=routes).routes
    done = accept_all(_path(file), ids, routes=folder, route=route)
    if as_json:
        rows = [asdict(one) | {"file": str(one.file)} for one in done]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in done:
        click.echo(f"{one.id}: {'added to' if one.added else 'stands already in'} {one.file}")
    click.echo("`waypost build` takes them up.", err=True)


@review.command()
@IDS
@FILE
@AS_JSON
def reject(ids: tuple[str, ...], file: Path | None, as_json: bool) -> None:
    """Take examples out; the same queries do not come again."""
    from waypost_server.workshop.reviewing import reject as reject_all

    path = _path(file)
    reject_all(path, ids)
    if as_json:
        click.echo(json.dumps([{"id": id_} for id_ in ids], indent=2))
        return
    click.echo(f"rejected: {', '.join(ids)}", err=True)


def _path(said: Path | None) -> Path:
    from waypost_server.settings import Settings

    path = Settings.load(review_file=said).review_file
    if path is None:
        raise click.UsageError("name the file with --file or WAYPOST_REVIEW_FILE")
    return path


def _shown(text: str) -> str:
    """On a terminal no character of a stranger's text may do anything but be seen."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
