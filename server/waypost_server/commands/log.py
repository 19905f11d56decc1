"""`waypost log`."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost_server.commands.log_options import filtered
from waypost_server.commands.options import AS_JSON, ENCODER, INDEX
from waypost_server.commands.progress import work_bar
from waypost_server.commands.times import SINCE, UNTIL

if TYPE_CHECKING:
    from waypost_server.core.decision_log import DecisionRecord, LoggedDecision

AGAIN_SECONDS = 0.5
"""Between two looks for what is new."""

LINES = 10
"""As of `tail` itself."""


@click.group()
def log() -> None:
    """Look at what a server decided, and what became of it.

    The log is in the database that WAYPOST_DATABASE names, as for the server.
    """


@log.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with each that comes.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0, max=100_000),
    help=f"How many of those that are there. [default: {LINES}, with --since all]",
)
@SINCE
@UNTIL
@click.option("--request", metavar="ID", help="Only what a caller asked under this id of its own.")
@filtered
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def tail(
    follow: bool,
    lines: int | None,
    since: int | None,
    until: int | None,
    request: str | None,
    tenant: str | None,
    route: str | None,
    outcome: str | None,
    as_json: bool,
) -> None:
    """Print the last decisions, the newest last.

    Example: waypost log tail --since 1h --outcome FALLBACK
    """
    from waypost_server.core.decision_log import LogFilter
    from waypost_server.core.outcome import Outcome
    from waypost_server.settings import Settings
    from waypost_server.workshop import decisions

    wanted = LogFilter(
        since_ms=since,
        until_ms=until,
        request_id=request,
        tenant=tenant,
        route=route,
        outcome=Outcome(outcome.upper()) if outcome else None,
    )
    count = LINES if lines is None and since is None else lines
    with decisions.reading(Settings.load()) as opened:
        if not follow:
            found = False
            for logged in decisions.newest(opened, wanted, count):
                found = True
                _print_line(logged, as_json=as_json)
            if not (found or as_json or count == 0):
                click.echo("waypost: the log has no such decision", err=True)
            return
        try:
            for logged in decisions.follow(
                opened, wanted, count, wait=lambda: time.sleep(AGAIN_SECONDS)
            ):
                _print_line(logged, as_json=as_json)
        except (KeyboardInterrupt, BrokenPipeError):
            return


@log.command()
@click.argument("decision_id", metavar="DECISION_ID")
@click.option("--text", help="The query, where the log has not kept it.")
@INDEX
@ENCODER
@AS_JSON
def show(
    decision_id: str, text: str | None, index: Path | None, encoder: Path | None, as_json: bool
) -> None:
    """Print a decision and its outcomes, and what would be decided today.

    It is made again with the live bundle of the index folder, if its text is in the log
    (WAYPOST_LOG_TEXT) or is given with --text. What is switched off just now counts, and is said
    where it changes the answer. What a language model chose then is taken for granted. What cannot
    be known any more is not compared, and named as "not replayed". A --text that is not the log's
    is named as such; where the log has kept none, one whose similarity to a candidate's exemplars
    differs by more than 0.05. A text that differs by less passes for the one decided on.

    Example: waypost log show 01a20346-90bb-7465-b170-858465de7f3e --text "why does this fail"
    """
    from waypost_server.adapters.log_json import logged_json
    from waypost_server.commands.log_text import logged_text
    from waypost_server.commands.replay_text import NO_REPLAY, replay_json, replay_text
    from waypost_server.core.errors import DecisionLogError, WaypostError
    from waypost_server.settings import Settings
    from waypost_server.workshop import decisions
    from waypost_server.workshop.replaying import replay

    settings = Settings.load(index=index, encoder=encoder)
    with decisions.reading(settings) as opened:
        logged = opened.find(decision_id.strip().lower())
    if logged is None:
        raise DecisionLogError(
            f"there is nothing of {decision_id} in the log: it is of another database, older than "
            "WAYPOST_LOG_DAYS, or was lost"
        )
    before, again = logged.decision, None
    problem = _why_not(before, text)
    if before and not problem:
        try:
            again = replay(settings, before, text if text is not None else before.text or "")
        except WaypostError as error:
            problem = str(error)
    if as_json:
        made = replay_json(again, before, text) if before and again else NO_REPLAY
        replayed = {"problem": problem, **made}
        click.echo(json.dumps(logged_json(logged) | {"replay": replayed}, ensure_ascii=False))
        return
    click.echo(logged_text(logged))
    if before is None or again is None:
        click.echo(f"\nIt cannot be made again: {problem}")
        return
    click.echo(f"\n{replay_text(again, before, text)}")
    if before.text_redacted and text is None:
        click.echo("  (its text is redacted, which may be why)")


@log.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "wanted_format",
    type=click.Choice(["jsonl", "parquet"]),
    help="JSONL has an object a line, Parquet a row a decision. [default: as FILE ends]",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@SINCE
@UNTIL
@filtered
def export(
    file: Path,
    wanted_format: str | None,
    force: bool,
    since: int | None,
    until: int | None,
    tenant: str | None,
    route: str | None,
    outcome: str | None,
) -> None:
    """Write decisions with their outcomes into a file, the oldest first.

    `waypost doctor --log FILE` reads the JSONL. FILE is whole or absent, whatever happens.

    Example: waypost log export decisions.parquet --since 7d
    """
    from waypost_server.adapters.log_export import Format
    from waypost_server.adapters.log_export import export as write
    from waypost_server.core.decision_log import LogFilter
    from waypost_server.core.outcome import Outcome
    from waypost_server.settings import Settings
    from waypost_server.workshop.decisions import reading

    chosen = wanted_format or ("parquet" if file.suffix == ".parquet" else "jsonl")
    wanted = LogFilter(
        since_ms=since,
        until_ms=until,
        tenant=tenant,
        route=route,
        outcome=Outcome(outcome.upper()) if outcome else None,
    )
    with reading(Settings.load()) as opened, work_bar("Exporting") as progress:
        total = opened.count(wanted)
        count = write(
            opened.between(wanted),
            file,
            format=Format(chosen),
            force=force,
            progress=lambda done: progress(done, max(done, total)),
        )
    click.echo(f"waypost: {count} decisions are in {file}", err=True)


def _print_line(logged: "LoggedDecision", *, as_json: bool) -> None:
    from waypost_server.adapters.log_json import logged_json
    from waypost_server.commands.log_text import decision_line

    if as_json:
        click.echo(json.dumps(logged_json(logged), ensure_ascii=False))
    elif logged.decision:
        click.echo(decision_line(logged.decision))
    sys.stdout.flush()


def _why_not(decision: "DecisionRecord | None", text: str | None) -> str:
    """Why a decision cannot be made again; empty when it can."""
    if decision is None:
        return "it is not in the log"
    if decision.text is None and text is None:
        return "its text is not in the log; give it with --text, or set WAYPOST_LOG_TEXT"
    return ""
