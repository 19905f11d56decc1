"""`waypost` itself: finds its subcommands and ends with the right exit code."""

import os
import sys
from importlib.metadata import EntryPoint, entry_points

import click

from waypost_server.commands.terminal import guard_terminal
from waypost_server.commands.version import print_version
from waypost_server.core.errors import WaypostError

COMMANDS = "waypost.commands"


class Commands(click.Group):
    """Subcommands are entry points, loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all subcommands."""
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name; None when there is none."""
        found = _commands().get(cmd_name)
        command: click.Command | None = found.load() if found else None
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version, and which index and encoder the settings name, and exit.",
)
def waypost() -> None:
    """Waypost decides which specialist LLM answers a query.

    Start with `waypost build`, `waypost serve` and, in another terminal, `waypost ask "..."`.
    Exit codes: 0 done, 1 the work failed with a reason on stderr, 2 wrong usage.
    """


def run() -> None:
    """Runs the command line and exits."""
    # Read when FAISS and numpy are loaded. Two threads for one query are slower than one, and the
    # count decides the last bits of a fit, so that a bundle would depend on it.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # gRPC writes a line of what each stranger sends, past our log; set it to see them.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    guard_terminal()
    try:
        waypost(prog_name="waypost")
    except WaypostError as error:
        click.echo(f"waypost: {error}", err=True)
        sys.exit(1)


def _commands() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=COMMANDS)}
