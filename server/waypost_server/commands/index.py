"""`waypost index`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

import click

from waypost_server.commands.index_remote import pull, push
from waypost_server.commands.options import AS_JSON, ENCODER, INDEX
from waypost_server.core.building import in_short

if TYPE_CHECKING:
    from waypost_server.core.building import BuiltVersion

_UNDER = TextWrapper(
    width=100,
    initial_indent=" " * 4,
    subsequent_indent=" " * 6,
    break_long_words=False,
    break_on_hyphens=False,
)
"""Of lines below a bundle: a path in one can be copied."""


@click.group()
def index() -> None:
    """List, activate and remove built bundles, and share them with a fleet."""


index.add_command(push)
index.add_command(pull)


@index.command(name="list")
@INDEX
@AS_JSON
def list_(index: Path | None, as_json: bool) -> None:
    """List the bundles in the folder, the newest first; an asterisk marks the live one.

    Below one that the gate refused stands why; below one that was built to be tried, that it was.
    One that `waypost tune` made is marked as tuned, and from which, if that is there still.
    """
    from waypost_server.adapters.bundle_store import BundleStore
    from waypost_server.settings import Settings

    found = BundleStore(Settings.load(index=index).index).listed()
    if as_json:
        click.echo(json.dumps([_as_json(listed) for listed in found]))
        return
    for listed in found:
        mark = "*" if listed.is_live else " "
        click.echo(f"{mark} {listed.version}  {_built_at(listed)}  {_holds(listed)}".rstrip())
        for said in filter(None, (listed.problem, _fate(listed))):
            click.echo(_UNDER.fill(said))


@index.command()
@click.argument("version")
@INDEX
@ENCODER
@click.option("--force", is_flag=True, help="Even if the gate refused it.")
@AS_JSON
def activate(
    version: str, index: Path | None, encoder: Path | None, force: bool, as_json: bool
) -> None:
    """Make a bundle live that was built before, once it is found sound.

    It must load, be of the encoders that are set, and decide, and the gate must not have refused
    it. Regression queries and labelled queries are not asked again: whoever goes back in a hurry
    knows why. A running server serves it when restarted, and with WAYPOST_WATCH by itself. The
    audit has it, if the database of WAYPOST_DATABASE is there.
    """
    from waypost_server.settings import Settings
    from waypost_server.workshop.activating import activate_version, audit_activation

    settings = Settings.load(index=index, encoder=encoder)
    before = activate_version(settings, version, force=force)
    if lacks := audit_activation(settings, version, before or "", force=force):
        click.echo(f"waypost: not audited: {lacks}", err=True)
    if as_json:
        click.echo(json.dumps({"version": version, "previous_version": before}))
        return
    was = "as it was already" if before == version else f"before it was {before or 'none'}"
    click.echo(
        f"waypost: bundle {version} is live in {settings.index}; {was}; "
        "a server that runs serves it once it is started again, or by itself with WAYPOST_WATCH"
    )


@index.command()
@INDEX
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="How many stay, the newest. [default: WAYPOST_KEEP_BUNDLES]",
)
@AS_JSON
def prune(index: Path | None, keep: int | None, as_json: bool) -> None:
    """Remove all but the newest bundles.

    Those that were refused or built to be tried are counted by themselves: as many of them stay.
    The live one stays in any case, the one that was live before it, and those that a server of this
    machine has loaded. `waypost build` does the same each time.
    """
    from waypost_server.adapters.bundle_store import BundleStore
    from waypost_server.settings import Settings

    settings = Settings.load(index=index, keep_bundles=keep)
    removed = BundleStore(settings.index).prune(settings.keep_bundles)
    if as_json:
        click.echo(json.dumps({"removed": removed}))
        return
    click.echo(f"waypost: removed {', '.join(removed) or 'nothing'} from {settings.index}")


def _as_json(listed: "BuiltVersion") -> dict[str, Any]:
    known = not listed.problem
    return {
        "version": listed.version,
        "live": listed.is_live,
        "built_at": _built_at(listed),
        "routes": listed.route_count if known else None,
        "exemplars": listed.exemplar_count if known else None,
        "encoder": listed.encoder_name if known else None,
        "encoder_fingerprint": listed.encoder_fingerprint if known else None,
        "routes_sha256": listed.routes_sha256 if known else None,
        "tuned": listed.is_tuned if known else None,
        "tuned_from": listed.tuned_from or None,
        "aside": listed.is_aside,
        "refused": listed.refused,
        "problem": listed.problem,
    }


def _built_at(listed: "BuiltVersion") -> str:
    return datetime.fromtimestamp(listed.built_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _holds(listed: "BuiltVersion") -> str:
    if listed.problem:
        return ""
    return (
        f"{listed.route_count} routes, {listed.exemplar_count} exemplars, "
        f"encoder {listed.encoder_name}{_tuned(listed)}"
    )


def _tuned(listed: "BuiltVersion") -> str:
    if not listed.is_tuned:
        return ""
    return f", tuned from {listed.tuned_from}" if listed.tuned_from else ", tuned"


def _fate(listed: "BuiltVersion") -> str:
    if not listed.refused:
        return "tried, never live" if listed.is_aside else ""
    return f"refused: {in_short(listed.refused)}"
