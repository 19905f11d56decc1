"""`waypost build`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waypost_server.commands.options import AS_JSON, ENCODER, INDEX, ROUTES
from waypost_server.commands.progress import MANY, work_bar
from waypost_server.core.building import BuildPhase, BuildStep
from waypost_server.core.errors import EvaluationError, RoutesError, WaypostError

if TYPE_CHECKING:
    from waypost_server.adapters.stage_files import StoredFirstStage
    from waypost_server.settings import Settings
    from waypost_server.workshop.publishing import Published


@click.command()
@ROUTES
@INDEX
@ENCODER
@click.option("--dry-run", is_flag=True, help="Build and check, but leave what is live live.")
@click.option("--no-gate", is_flag=True, help="Make it live without checking it.")
@click.option("--force", is_flag=True, help="Build though nothing changed since the last build.")
@AS_JSON
@click.option("--progress-json", is_flag=True, hidden=True)
def build(
    routes: Path | None,
    index: Path | None,
    encoder: Path | None,
    dry_run: bool,
    no_gate: bool,
    force: bool,
    as_json: bool,
    progress_json: bool,
) -> None:
    """Build a bundle from a routes folder, check it, and make it live if it passes.

    Where nothing changed since the live bundle was built and passed, nothing is done. Exemplars
    that it holds already are not encoded again. If anything is wrong, every
    problem is named with file, line and cure, and the previous bundle stays live; so does a bundle
    that was tuned, if nothing changed since. A running server serves a new one when restarted, and
    with WAYPOST_WATCH by itself.

    It passes if it loads, is of the encoder that is set, sends every query of a route's
    regression.txt there, is not worse beyond noise than the live bundle on the labelled queries in
    the routes folder's eval/, and reaches what a gate.yaml beside them demands. One that does not
    stays as a version: look at it with `waypost eval`, or activate it with `waypost index`.
    """
    from waypost_server.settings import Settings
    from waypost_server.workshop.publishing import publish_index
    from waypost_server.workshop.up_to_date import publish_if_changed

    began = time.monotonic()
    with _reported(progress_json) as tell:
        settings = Settings.load(routes=routes, index=index, encoder=encoder)
        if dry_run or no_gate:
            published = publish_index(settings, tell, gated=not no_gate, dry_run=dry_run)
            unchanged = False
        else:
            published, unchanged = publish_if_changed(settings, tell, force=force)
    if unchanged and not as_json:
        click.echo(_unchanged_text(published, settings))
        _print_notes(published)
    elif not progress_json:
        _print(published, settings, as_json, seconds=time.monotonic() - began)
    if published.verdict.problems:
        sys.exit(1)


@contextmanager
def _reported(progress_json: bool) -> Iterator[Callable[[BuildStep], None]]:
    """Gives what is to hear of each step: bars, or lines for a program on stdout."""
    if progress_json:
        try:
            yield _tell_program
        except WaypostError as error:
            problems = error.problems if isinstance(error, RoutesError | EvaluationError) else ()
            problems = problems or (str(error),)
            _tell_program(BuildStep(phase=BuildPhase.REFUSED, problems=problems))
            sys.exit(1)
        return
    with work_bar("Encoding") as encoding, work_bar("Checking", worth_showing=MANY) as checking:
        bars = {BuildPhase.ENCODING: encoding, BuildPhase.CHECKING: checking}

        def tell(step: BuildStep) -> None:
            if step.phase in bars:
                bars[step.phase](step.done, step.total)

        yield tell


def _tell_program(step: BuildStep) -> None:
    line = {
        "phase": step.phase,
        "done": step.done,
        "total": step.total,
        "index_version": step.index_version,
        "problems": step.problems,
    }
    click.echo(json.dumps(line))


def _print(published: "Published", settings: "Settings", as_json: bool, *, seconds: float) -> None:
    if as_json:
        click.echo(json.dumps(_figures(published, seconds)))
    elif published.is_live and not published.verdict.problems:
        click.echo(_live_text(published, settings, seconds))
    elif not published.verdict.problems:
        click.echo(
            f"waypost: a dry run: bundle {published.stored.version} passes, and "
            f"{_stays(published)}; `waypost index activate {published.stored.version}` makes it "
            "live"
        )
    _print_notes(published)
    if published.verdict.problems:
        click.echo(_refused_text(published), err=True)


def _print_notes(published: "Published") -> None:
    for note in _notes(published):
        click.echo(f"waypost: {note}", err=True)


def _notes(published: "Published") -> tuple[str, ...]:
    return (*published.notes, *published.verdict.notes)


def _figures(published: "Published", seconds: float) -> dict[str, Any]:
    stored = published.stored
    manifest = stored.manifest
    return {
        "version": stored.version,
        "routes": manifest.route_count,
        "exemplars": manifest.exemplar_count,
        "encoded": published.encoded,
        "index": manifest.index_kind,
        "encoder": manifest.encoder_name,
        "encoder_fingerprint": manifest.encoder_fingerprint,
        "first_stage": stored.first.gate.confidence if stored.first else None,
        "seconds": round(seconds, 3),
        "tuned": _is_tuned(published),
        "live": published.is_live,
        "problems": published.verdict.problems,
        "notes": _notes(published),
        "removed": published.removed,
    }


def _is_tuned(published: "Published") -> bool:
    return published.stored.is_tuned


def _live_text(published: "Published", settings: "Settings", seconds: float) -> str:
    stored, manifest = published.stored, published.stored.manifest
    if _is_tuned(published):
        return f"waypost: nothing changed since bundle {stored.version} was tuned: it stays"
    return (
        f"waypost: bundle {stored.version} is live in {settings.index}: "
        f"{manifest.route_count} routes, {manifest.exemplar_count} exemplars "
        f"({published.encoded} texts encoded, the rest reused), {manifest.index_kind} index, "
        f"{_first_stage(stored.first)}, {seconds:.1f} s; a server that runs serves it "
        "once it is started again, or by itself with WAYPOST_WATCH"
    )


def _unchanged_text(published: "Published", settings: "Settings") -> str:
    return (
        f"waypost: {settings.index / published.stored.version} is up to date: nothing changed "
        "since it was built; `waypost build --force` builds all the same"
    )


def _refused_text(published: "Published") -> str:
    version, problems = published.stored.version, published.verdict.problems
    end = (
        "it is live already"
        if published.is_live
        else f"{_stays(published)}; `waypost index activate {version} --force` "
        "makes it live all the same"
    )
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    head = f"waypost: bundle {version} does not pass: {count}; {end}:"
    return "\n".join((head, *problems))


def _stays(published: "Published") -> str:
    if published.live_version is None:
        return "no bundle is live"
    return f"bundle {published.live_version} stays live"


def _first_stage(first: "StoredFirstStage | None") -> str:
    return f"first stage from {first.gate.confidence:g} on" if first else "no first stage"
