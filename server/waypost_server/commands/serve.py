"""`waypost serve`."""

import sys
from pathlib import Path

import click

from waypost_server.commands.options import ENCODER, INDEX


@click.command()
@INDEX
@ENCODER
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Where to listen; port 0 picks a free one. [default: WAYPOST_ADDRESS]",
)
@click.option(
    "--insecure",
    is_flag=True,
    default=None,
    help="Listen beyond this machine though TLS or tokens are missing. [default: WAYPOST_INSECURE]",
)
def serve(
    index: Path | None, encoder: Path | None, address: str | None, insecure: bool | None
) -> None:
    """Answer queries over gRPC until SIGTERM or Ctrl-C.

    Prints one line when it is ready: `waypost: serving on HOST:PORT index=VERSION`. Everything else
    is set by WAYPOST_* variables or in a file; `waypost config show` lists the settings, and says
    with --origin which of them SIGHUP lets a running server take up.
    """
    from waypost_server.settings import Settings

    def ready(where: str, version: str) -> None:
        click.echo(f"waypost: serving on {where} index={version}")

    options = {"index": index, "encoder": encoder, "address": address, "insecure": insecure}
    settings = Settings.load(**options)
    if settings.processes > 1:
        from waypost_server.supervisor.run import run_supervisor

        sys.exit(0 if run_supervisor(settings, ready, options=options) else 1)

    from waypost_server.app import run_server

    run_server(settings, ready, load=lambda: Settings.load(**options))
