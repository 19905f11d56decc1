"""`waypost build`."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost_server.commands.options import AS_JSON, ENCODER, INDEX, ROUTES
from waypost_server.commands.progress import work_bar

if TYPE_CHECKING:
    from waypost_server.adapters.stage_files import StoredFirstStage


@click.command()
@ROUTES
@INDEX
@ENCODER
@AS_JSON
def build(routes: Path | None, index: Path | None, encoder: Path | None, as_json: bool) -> None:
    """Build a bundle from a routes folder and make it live.

    Exemplars that the live bundle holds already are not encoded again. If anything is wrong, every
    problem is named with file, line and cure, and the previous bundle stays live; so does a bundle
    that was tuned, if nothing changed since. A running server serves a new one when restarted, and
    with WAYPOST_WATCH by itself.
    """
    from waypost_server.core.calibration import CalibrationMethod
    from waypost_server.settings import Settings
    from waypost_server.workshop.indexing import build_index

    settings = Settings.load(routes=routes, index=index, encoder=encoder)
    began = time.monotonic()
    with work_bar("Encoding") as progress:
        stored, encoded = build_index(settings, progress)
    manifest = stored.manifest
    figures = {
        "version": stored.version,
        "routes": manifest.route_count,
        "exemplars": manifest.exemplar_count,
        "encoded": encoded,
        "index": manifest.index_kind,
        "encoder": manifest.encoder_name,
        "encoder_fingerprint": manifest.encoder_fingerprint,
        "first_stage": stored.first.gate.confidence if stored.first else None,
        "seconds": round(time.monotonic() - began, 3),
    }
    tuned = stored.scoring.calibration.method is CalibrationMethod.HELD_OUT
    if as_json:
        click.echo(json.dumps(figures | {"tuned": tuned}))
        return
    if tuned:
        click.echo(f"waypost: nothing changed since bundle {stored.version} was tuned: it stays")
        return
    click.echo(
        f"waypost: bundle {stored.version} is live in {settings.index}: "
        f"{manifest.route_count} routes, {manifest.exemplar_count} exemplars "
        f"({encoded} texts encoded, the rest reused), {manifest.index_kind} index, "
        f"{_first_stage(stored.first)}, {figures['seconds']:.1f} s; a server that runs serves it "
        "once it is started again, or by itself with WAYPOST_WATCH"
    )


def _first_stage(first: "StoredFirstStage | None") -> str:
    return f"first stage from {first.gate.confidence:g} on" if first else "no first stage"
