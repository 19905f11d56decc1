"""`waypost eval`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost_server.commands.options import AS_JSON, ENCODER, FILES, FOLDER, INDEX, OLD_FILE
from waypost_server.commands.progress import MANY, work_bar

if TYPE_CHECKING:
    from waypost_server.lab.gate import BarResult
    from waypost_server.lab.report import Report


@click.command(name="eval")
@FILES
@INDEX
@ENCODER
@AS_JSON
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write a page with charts, in one file that needs no network.",
)
@click.option(
    "--compare",
    "other",
    metavar="FOLDER|VERSION",
    help="Say what changed since another folder's live bundle, or since a version in --index.",
)
@click.option(
    "--compare-encoder",
    "other_encoder",
    type=FOLDER,
    help="Folder of the encoder of that bundle.  [default: the same]",
)
@click.option(
    "--gate",
    "gate_file",
    type=OLD_FILE,
    help="End with 1 unless the figures reach what this YAML file says: lines like "
    "`accuracy: 0.85`, `ece: {max: 0.06}`, `per_route: {debugging: {recall: 0.8}}`.",
)
def eval_(
    files: tuple[Path, ...],
    index: Path | None,
    encoder: Path | None,
    as_json: bool,
    page: Path | None,
    other: str | None,
    other_encoder: Path | None,
    gate_file: Path | None,
) -> None:
    """Measure how well the live bundle routes labelled queries, without a server.

    A FILE has lines like {"text": "why does it hang", "label": "debugging"}; the label "oos" is for
    queries that belong to no route. A folder stands for all *.jsonl in it.

    Each is decided as a server would that is asked nothing else, by every stage that the routes
    have, but no language model is asked. One that becomes a plan counts as sent to the route of its
    first step, as its contract says; what it is taken for is the best candidate of the whole.

    Example: waypost eval routes/eval --html report.html
    """
    from waypost_server.settings import Settings
    from waypost_server.workshop.evaluating import evaluate_index

    if other_encoder and not other:
        raise click.UsageError("--compare-encoder is the encoder of what --compare names")
    settings = Settings.load(index=index, encoder=encoder)
    with work_bar("Encoding", worth_showing=MANY) as progress:
        report = evaluate_index(
            settings,
            files,
            compare_with=other,
            other_encoder=other_encoder,
            gate_file=gate_file,
            progress=progress,
        )
    if page:
        _write_page(page, report)
    _print(report, as_json)
    _end_at_gate(report.gate or ())


def _write_page(path: Path, report: "Report") -> None:
    from waypost_server.lab.html_report import as_html

    try:
        path.write_text(as_html(report), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"waypost: wrote {path}", err=True)


def _print(report: "Report", as_json: bool) -> None:
    from waypost_server.lab.json_report import as_json as report_as_json
    from waypost_server.lab.text_report import comparison_text, evaluation_text

    if as_json:
        click.echo(json.dumps(report_as_json(report), ensure_ascii=False))
        return
    click.echo(evaluation_text(report.evaluation))
    if report.comparison:
        click.echo(f"\n{comparison_text(report.comparison)}")
    passed = [result for result in report.gate or () if result.passed]
    if passed:
        click.echo()
    for result in passed:
        click.echo(f"gate passed: {result.sentence}")


def _end_at_gate(results: "Sequence[BarResult]") -> None:
    missed = [result for result in results if not result.passed]
    for result in missed:
        click.echo(f"waypost: gate missed: {result.sentence}", err=True)
    if missed:
        sys.exit(1)
