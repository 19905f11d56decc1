"""How commands reach a server: options and variables that all of them have; needs click."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypedDict

import click

from waypost_client._tls import Tls
from waypost_client.config_file import CONFIG, default_of, from_config

TOKEN, TOKEN_FILE = "WAYPOST_TOKEN", "WAYPOST_TOKEN_FILE"
PUBLIC = "public"


class WayOptions(TypedDict):
    """Arguments of every client."""

    tls: Tls | None
    token: str
    insecure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to reach a server; arguments of every client."""

    tls: Tls | None = None
    token: str = field(default="", repr=False)
    insecure: bool = False

    def options(self) -> WayOptions:
        """As keyword arguments."""
        return {"tls": self.tls, "token": self.token, "insecure": self.insecure}


DIRECT = Way()
"""Without TLS and token."""


def way_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options, and a parameter `way`.

    A token is no option: what stands on a command line is seen by every user of a machine.
    """

    @wraps(command)
    def with_way(
        *arguments: Any,  # noqa: ANN401  (whatever the command has)
        ca: str | None,
        cert: str | None,
        key: str | None,
        insecure: bool,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        way = Way(tls=_tls(ca, cert, key), token=_token(), insecure=insecure)
        return command(*arguments, way=way, **options)

    for decorate in (
        click.option(
            "--insecure",
            is_flag=True,
            envvar="WAYPOST_INSECURE",
            help=f"Send the token of {TOKEN} or {TOKEN_FILE} without TLS, too.",
        ),
        click.option(
            "--key",
            envvar="WAYPOST_KEY",
            default=default_of("key"),
            show_default=False,
            metavar="FILE",
            help="Its private key.",
        ),
        click.option(
            "--cert",
            envvar="WAYPOST_CERT",
            default=default_of("cert"),
            show_default=False,
            metavar="FILE",
            help="Your own certificate, for servers that ask for one.",
        ),
        click.option(
            "--ca",
            envvar="WAYPOST_CA",
            default=default_of("ca"),
            show_default=False,
            show_envvar=True,
            metavar="FILE",
            help=f"Use TLS; roots that the server's certificate leads to, or '{PUBLIC}'.",
        ),
    ):
        with_way = decorate(with_way)
    return with_way


def _tls(ca: str | None, cert: str | None, key: str | None) -> Tls | None:
    if not ca:
        if cert or key:
            raise click.UsageError("--cert and --key take TLS: name the server's roots with --ca")
        return None
    return Tls(ca=None if ca == PUBLIC else ca, cert=cert or None, key=key or None)


def _token() -> str:
    if token := os.environ.get(TOKEN, ""):
        return token.strip()
    path, said_by = os.environ.get(TOKEN_FILE, ""), TOKEN_FILE
    if not path:
        path, said_by = from_config("token_file"), f"token_file in {CONFIG}"
    if not path:
        return ""
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise click.UsageError(f"{said_by} is {path!r}: {reason}") from None
