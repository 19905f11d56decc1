"""`waypost doctor`."""

import json
import sys
from pathlib import Path

import click

from waypost_server.commands.options import AS_JSON, INDEX, OLD_FILE


@click.command()
@INDEX
@click.option(
    "--log",
    type=OLD_FILE,
    help='Also look at the traffic: a file with a line like {"route": "debugging"} a decision.',
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Findings of a kind to show; --json shows all.",
)
@click.option("--strict", is_flag=True, help="End with 1 when there is an error or a warning.")
@AS_JSON
def doctor(index: Path | None, log: Path | None, limit: int, strict: bool, as_json: bool) -> None:
    """Say what is wrong with the exemplars and routes of the live bundle, and what to do about it.

    Errors contradict each other, warnings cost right answers, hints are worth a look. Every
    exemplar is also held out and routed by what is learned from the others.

    Example: waypost doctor --index index --strict
    """
    from waypost_server.lab.finding import Severity
    from waypost_server.lab.findings_text import findings_json, findings_summary, findings_text
    from waypost_server.settings import Settings
    from waypost_server.workshop.examining import examine_index

    settings = Settings.load(index=index)
    stored, findings = examine_index(settings, log)
    figures = {
        "version": stored.version,
        "routes": len(stored.exemplars.routes),
        "exemplars": len(stored.exemplars.texts),
    }
    if as_json:
        click.echo(json.dumps(figures | findings_json(findings), ensure_ascii=False))
    else:
        click.echo(
            f"waypost: bundle {stored.version}, {figures['routes']} routes, "
            f"{figures['exemplars']} exemplars: {findings_summary(findings)}"
        )
        if findings:
            click.echo(f"\n{findings_text(findings, limit=limit)}")
    if strict and any(finding.severity is not Severity.HINT for finding in findings):
        sys.exit(1)
