"""`waypost tune`."""

import json
from pathlib import Path

import click

from waypost_server.commands.options import AS_JSON, ENCODER, FILES, INDEX
from waypost_server.commands.progress import MANY, work_bar


@click.command()
@FILES
@INDEX
@ENCODER
@click.option("--dry-run", is_flag=True, help="Only show what tuning would change.")
@click.option("--anyway", is_flag=True, help="Make the result live even if it is no gain.")
@AS_JSON
def tune(
    files: tuple[Path, ...],
    index: Path | None,
    encoder: Path | None,
    dry_run: bool,
    anyway: bool,
    as_json: bool,
) -> None:
    """Fit the live bundle's thresholds, weights and calibration to labelled queries.

    A FILE is as for `waypost eval`; queries that belong to no route count too. Every query is
    judged by what was tuned on the others. Only a gain beyond noise goes live, as a new version.

    Tuning starts from exemplars, not from an earlier tuning: give all files at once. While the
    routes folder stays as it is, `waypost build` keeps the tuned bundle; once it changes, tune
    again. Queries that tuned a bundle cannot evaluate it: keep some apart for `waypost eval`.

    Example: waypost tune traffic.jsonl --dry-run
    """
    from waypost_server.lab.tuning_text import trial_json, trial_text
    from waypost_server.settings import Settings
    from waypost_server.workshop.tuning import tune_index

    settings = Settings.load(index=index, encoder=encoder)
    with work_bar("Encoding", worth_showing=MANY) as progress:
        trial, written = tune_index(
            settings, files, write=not dry_run, anyway=anyway, progress=progress
        )
    if as_json:
        version = written.version if written else None
        click.echo(json.dumps(trial_json(trial) | {"version": version}, ensure_ascii=False))
        return
    click.echo(trial_text(trial))
    if written:
        click.echo(
            f"waypost: bundle {written.version} is live in {settings.index}; "
            "restart `waypost serve` to serve it"
        )
    elif dry_run:
        click.echo(f"waypost: a dry run: the bundle in {settings.index} stays as it is")
    else:
        click.echo(f"waypost: the bundle in {settings.index} stays as it is")
