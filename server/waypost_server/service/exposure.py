"""Where a server may listen as it is set up."""

import ipaddress
import socket

from waypost_server.core.errors import SettingsError


def check_exposure(address: str, said_by: str, *, has_tls: bool, has_tokens: bool) -> None:
    """Lets nobody listen beyond this machine without TLS and tokens.

    Args:
        address: HOST:PORT, or a socket `unix:PATH`.
        said_by: the setting that names it, or how else it came about.
        has_tls: whether what is sent cannot be read or changed on the way.
        has_tokens: whether callers must show who they are.

    Raises:
        SettingsError: others can reach it, and one of them is missing; says what to set.
    """
    if (has_tls and has_tokens) or is_local(address):
        return
    missing = [
        *([] if has_tls else ["WAYPOST_TLS_CERT and WAYPOST_TLS_KEY"]),
        *([] if has_tokens else ["WAYPOST_TOKENS"]),
    ]
    raise SettingsError(
        f"{said_by} is {address!r}, which other machines can reach: set {' and '.join(missing)}, "
        "or listen on 127.0.0.1; --insecure or WAYPOST_INSECURE=true does without, where something "
        "else keeps strangers out"
    )


def is_local(address: str) -> bool:
    """Whether only this machine can reach an address; one that cannot be resolved is not local."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(_is_loopback(str(where[0])) for *_, where in found)


def _is_loopback(name: str) -> bool:
    """Whether it is 127.0.0.0/8 or ::1; the unspecified address is every address of the machine."""
    address = ipaddress.ip_address(name.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
