"""Addresses to listen on."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from waypost_server.core.errors import SettingsError

MAIN, ADMIN = "--address or WAYPOST_ADDRESS", "WAYPOST_ADMIN_ADDRESS"
HTTP = "WAYPOST_HTTP_ADDRESS"
"""What says where callers are answered, where operators are, and where metrics and probes are."""

MOST_PORT = 65_535


def cannot_listen(address: str, said_by: str = MAIN) -> SettingsError:
    """What to raise when nothing can listen there."""
    return SettingsError(
        f"{said_by.split()[-1]} is {address!r}: cannot listen there; is the port "
        f"taken? Name another with {said_by}"
    )


def admin_address_of(address: str, admin_address: str) -> str:
    """Where operators are answered: at `admin_address`, or if that is empty next to `address`."""
    if admin_address:
        return admin_address
    port = int(address.rpartition(":")[2])
    return f"127.0.0.1:{port + 1 if 0 < port < MOST_PORT else 0}"


@contextmanager
def held(address: str, said_by: str = MAIN) -> Iterator[str]:
    """Keeps a port for processes that share it, and for nobody else, without listening.

    Args:
        address: HOST:PORT; port 0 picks a free one.
        said_by: which setting it is.

    Yields:
        The address with its port.

    Raises:
        SettingsError: somebody has the port, alone or as one of several, or the host is not ours.
    """
    host, _, port = address.rpartition(":")
    number, holder = int(port), None
    with ExitStack() as holders:
        try:
            for family, _, _, _, (name, _, *scope) in socket.getaddrinfo(
                host.strip("[]"), number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                if found := _hold(family, (name, number, *scope)):
                    holder = holders.enter_context(found)
                    number = holder.getsockname()[1]
        except (OSError, UnicodeError):  # the latter from names that no resolver takes
            raise cannot_listen(address, said_by) from None
        if holder is None:
            raise cannot_listen(address, said_by)
        yield f"{host}:{number}"


def _hold(family: int, where: tuple[Any, ...]) -> socket.socket | None:
    """A socket that is bound and shares its port; None if the machine has no such address.

    At every moment one of two sockets keeps others away: first one that shares with nobody and
    listens, which fails if anybody else is there in any way, and then one that shares. A share
    alone would succeed beside another server's shares.
    """
    try:
        with _bound(family, where) as alone:
            alone.listen()
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder = _bound(family, alone.getsockname(), shared=True)
            # Left on, it would let others bind beside it, too.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise
    return holder


def _bound(family: int, where: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # What lingers of an earlier server's connections is in nobody's way.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound
