"""What the commands of a client take from the file of WAYPOST_CONFIG; needs click."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

CONFIG = "WAYPOST_CONFIG"

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  (to be called, not bound)


def from_config(name: str, otherwise: str = "") -> str:
    """The value of a setting in the file; the file is the server's too, which knows more of them.

    Args:
        name: of the variable, in lower case and without the prefix.
        otherwise: what it is where there is no file, or the file says nothing of it.

    Raises:
        click.UsageError: the file cannot be read, or has something else than a text there.
    """
    path = os.environ.get(CONFIG, "")
    value = _content(path).get(name, "") if path else ""
    if not isinstance(value, str):
        raise click.UsageError(f"{path}: {name} is no text; put it in quotes")
    return value or otherwise


def default_of(name: str) -> Callable[[], str | None]:
    """The default of an option: asked when it is neither on the command line nor a variable."""
    return lambda: from_config(name) or None


def reachable(address: str) -> str:
    """Where to call a server that listens at `address`: on all of a machine's, at the nearest."""
    host, colon, port = address.rpartition(":")
    return f"{_EVERYWHERE.get(host, host)}{colon}{port}"


def _content(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise click.UsageError(f"{CONFIG} is {path!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{path}: it is no TOML: {error}") from None
