"""`waypost tune`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waypost_server.commands.options import AS_JSON, ENCODER, FILES, INDEX
from waypost_server.commands.progress import MANY, work_bar

if TYPE_CHECKING:
    from waypost_server.settings import Settings
    from waypost_server.workshop.tuning import Tuned


@click.command()
@FILES
@INDEX
@ENCODER
@click.option("--version", metavar="VERSION", help="Tune this bundle instead of the live one.")
@click.option("--dry-run", is_flag=True, help="Only show what tuning would change.")
@click.option("--anyway", is_flag=True, help="Make the result live even if it is no gain.")
@click.option("--no-gate", is_flag=True, help="Make it live without asking the gate.")
@AS_JSON
def tune(
    files: tuple[Path, ...],
    index: Path | None,
    encoder: Path | None,
    version: str | None,
    dry_run: bool,
    anyway: bool,
    no_gate: bool,
    as_json: bool,
) -> None:
    """Fit the live bundle's thresholds, weights and calibration to labelled queries.

    A FILE is as for `waypost eval`; queries that belong to no route count too. Every query is
    judged by what was tuned on the others. Only a gain beyond noise goes live, as a new version: a
    figure is better beyond noise, and none is worse beyond noise, nor is the share of queries in
    scope that reach their route, nor that of others that are turned away. Within noise fewer may,
    and the report names it. It must pass the gate as that of `waypost build` must: regression
    queries, the labelled queries in the routes folder's eval/, its gate.yaml. One that does not
    stays as a version.

    Tuning starts from exemplars, not from an earlier tuning: give all files at once. While the
    routes folder stays as it is, `waypost build` keeps the tuned bundle. Once it changes, build and
    tune again, with --version if the build does not pass for want of tuning. Queries that tuned a
    bundle cannot evaluate it: keep some apart for `waypost eval`.

    Example: waypost tune traffic.jsonl --dry-run
    """
    from waypost_server.lab.tuning_text import trial_json, trial_text
    from waypost_server.settings import Settings
    from waypost_server.workshop.tuning import tune_index

    settings = Settings.load(index=index, encoder=encoder)
    with work_bar("Encoding", worth_showing=MANY) as progress:
        tuned = tune_index(
            settings,
            files,
            version=version,
            write=not dry_run,
            anyway=anyway,
            gated=not no_gate,
            progress=progress,
        )
    if as_json:
        told = trial_json(tuned.trial) | _fate(tuned)
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(trial_text(tuned.trial))
        _tell(tuned, settings, dry_run=dry_run)
    for note in tuned.verdict.notes:
        click.echo(f"waypost: {note}", err=True)
    if tuned.stored and tuned.verdict.problems:
        click.echo(_refused_text(tuned.stored.version, tuned.verdict.problems), err=True)
        sys.exit(1)


def _fate(tuned: "Tuned") -> dict[str, Any]:
    return {
        "version": tuned.stored.version if tuned.stored else None,
        "live": tuned.is_live,
        "problems": tuned.verdict.problems,
        "notes": tuned.verdict.notes,
    }


def _tell(tuned: "Tuned", settings: "Settings", *, dry_run: bool) -> None:
    if tuned.stored and tuned.is_live:
        click.echo(
            f"waypost: bundle {tuned.stored.version} is live in {settings.index}; a server that "
            "runs serves it once it is started again, or by itself with WAYPOST_WATCH"
        )
    elif dry_run:
        click.echo(f"waypost: a dry run: the bundle in {settings.index} stays as it is")
    else:
        click.echo(
            f"waypost: the bundle in {settings.index} stays as it is: tuning is no gain; "
            "--anyway makes it live all the same"
        )


def _refused_text(version: str, problems: Sequence[str]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    head = (
        f"waypost: bundle {version} does not pass: {count}; what is live stays; `waypost index "
        f"activate {version} --force` makes it live all the same:"
    )
    return "\n".join((head, *problems))
