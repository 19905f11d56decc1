"""`waypost chat`: a conversation in the terminal; needs click and the extra [dispatch]."""

import json
import sys
from typing import TYPE_CHECKING

import click

from waypost_client.commands import CallFailed, address_option, failing
from waypost_client.way import Way, way_options

if TYPE_CHECKING:
    from waypost_client._talk import Talk
    from waypost_client._turn import Turn

HELP = "/why tells why a query went where it went; /quit or Ctrl-D ends"

_TAMED = {ord("\r"): None, ord("\x1b"): r"\u001b"}
"""What of an answer would pass for this command's own writing: `waypost` shows control characters,
but lets through what its commands print, such as the return before a bar and dim letters."""


@click.command()
@address_option
@way_options
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for each line of stdin."
)
def chat(address: str, way: Way, as_json: bool) -> None:
    """Talk to the specialists.

    Each line is a query. Its answer appears as it is written, then who gave it. /why tells more,
    /quit ends. Ctrl-C ends an answer and not the conversation.
    """
    # What calls models takes a while to load, and `waypost --help` needs none of it.
    try:
        from waypost_client._talk import Talk
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise CallFailed(
            f"calling models needs {missing}; run: pip install 'waypost[dispatch]'"
        ) from None
    with failing(address), Talk(address, way) as talk:
        if as_json:
            _answer_lines(talk)
        else:
            _converse(talk, address)


def _answer_lines(talk: "Talk") -> None:
    for query in filter(None, map(str.strip, sys.stdin)):
        turn = talk.ask(query, lambda piece: None)
        click.echo(json.dumps(turn.to_json(), ensure_ascii=False))


def _converse(talk: "Talk", address: str) -> None:
    import readline  # noqa: F401  (gives `input` a history and keys that move)

    last: Turn | None = None
    if sys.stdin.isatty():
        click.secho(HELP, dim=True)
    while (line := _line()) != "/quit":
        if line == "/why":
            click.echo(last.why() if last else "nothing has been asked yet")
        elif line.startswith("/") and len(line.split()) == 1:
            click.echo(f"{line} is no command; {HELP}")
        elif line:
            last = _turn(talk, line, address) or last


def _line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        if sys.stdin.isatty():
            click.echo()
        return "/quit"
    except KeyboardInterrupt:
        click.echo()
        return ""


def _turn(talk: "Talk", query: str, address: str) -> "Turn | None":
    try:
        turn = talk.ask(query, lambda piece: click.echo(piece.translate(_TAMED), nl=False))
    except KeyboardInterrupt:
        click.secho("\ncancelled", dim=True)
        return None
    if turn.answer:
        click.secho(f"\n{turn.summary()}", dim=True)
    else:
        click.echo(f"waypost: {turn.failure(address)}", err=True)
    return turn
