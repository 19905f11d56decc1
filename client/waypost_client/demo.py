"""`waypost demo`: a server, a dozen queries, their contracts; nothing is left running."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from waypost_client.commands import CallFailed, connected
from waypost_client.text import contract_text

QUERIES = (
    "Why does this test pass alone but fail when the whole suite runs?",
    "psycopg.OperationalError: connection refused, but psql works from the same box",
    "Here is my diff for the retry helper, anything you would change before I merge?",
    "Is `for i in range(len(xs))` bad style in Python?",
    "Should we split billing out of the monolith before we shard the database?",
    "Event sourcing or plain CRUD for an order history that auditors read?",
    "What does the --depth flag of git clone do?",
    "default value of max_connections in postgres 16",
    "Write a bash script that renames all .jpeg files to .jpg",
    "Explain what a monad is to a Java developer",
    "What is the best time of year to visit Lisbon?",
    "¿Por qué mi contenedor se reinicia con código 137?",
)
READY = re.compile(r"waypost: serving on (\S+) index=(\S+)")
STOP_SECONDS = 15


@click.command()
@click.option(
    "--index",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of bundles; that of the setting if it is not given.",
)
def demo(index: Path | None) -> None:
    """Start a server on a free port, route a dozen queries through the client, stop it."""
    with _running_server(index) as (address, version), connected(address) as client:
        click.echo(f"A server listens on {address} with bundle {version}.\n")
        for query in QUERIES:
            click.echo(f"> {query}")
            click.echo(f"{contract_text(client.route(query))}\n")
    click.echo(f"{len(QUERIES)} queries routed; the server has stopped.")
    click.echo('Now: `make serve`, and in another terminal: .venv/bin/waypost ask "your query"')


@contextmanager
def _running_server(index: Path | None) -> Iterator[tuple[str, str]]:
    """A server process on a free loopback port; yields its address and index version.

    It remembers nothing: its database and its decision log go with it.
    """
    command = [sys.executable, "-m", "waypost_server", "serve"]
    command += ["--address", "127.0.0.1:0", *(["--index", str(index)] if index else [])]
    # S603: the command is this interpreter and our own module; only the folder comes from outside.
    with (
        tempfile.TemporaryDirectory(prefix="waypost-demo-") as memory,
        subprocess.Popen(command, env=_own(memory), stdout=subprocess.PIPE, text=True) as server,  # noqa: S603  (our own command)
    ):
        try:
            ready = READY.search(server.stdout.readline() if server.stdout else "")
            if ready is None:
                raise CallFailed("the server did not start; its reason is above")
            yield ready[1], ready[2]
        finally:
            server.terminate()
            server.wait(STOP_SECONDS)
    if server.returncode != 0:
        raise CallFailed(f"the server ended with exit code {server.returncode}")


def _own(memory: str) -> dict[str, str]:
    """The environment, but for what would keep the demo's queries among the user's own."""
    database = f"sqlite:///{Path(memory) / 'demo.db'}"
    return {**os.environ, "WAYPOST_DATABASE": database, "WAYPOST_REVIEW_FILE": ""}
