"""When a certificate holds, read from its own bytes."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SEQUENCE, VERSION = 0x30, 0xA0
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server shows that it is, and whom it lets in; never shown itself.

    Attributes:
        chain: the server's certificate and those that lead to its root, as PEM.
        key: its private key, as PEM.
        client_ca: roots of the certificates that clients must have, as PEM; empty: they need none.
        not_before: when it begins to hold.
        not_after: when it ends to.
    """

    chain: bytes
    key: bytes
    client_ca: bytes
    not_before: datetime
    not_after: datetime

    def __repr__(self) -> str:
        return f"Certificate(not_after={self.not_after:%Y-%m-%d})"


def validity_of(pem: bytes) -> tuple[datetime, datetime]:
    """From when to when the first certificate in a file holds.

    The standard library has no public way to ask for this, and a library for it alone is not worth
    its weight: these are two fields at a fixed place (RFC 5280, 4.1).

    Raises:
        ValueError: there is none, or it is damaged.
    """
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("it has no BEGIN CERTIFICATE")
    try:
        der = binascii.a2b_base64(found[1])
        certificate = _only(_parts(der), SEQUENCE)
        to_be_signed = _only(_parts(certificate), SEQUENCE)
        fields = [(tag, content) for tag, content in _parts(to_be_signed) if tag != VERSION]
        # serial number, signature algorithm, issuer, validity
        (_, validity) = fields[3]
        begins, ends = (_time(tag, content) for tag, content in _parts(validity))
    except (binascii.Error, IndexError, StopIteration, ValueError):
        raise ValueError("its certificate is damaged") from None
    return begins, ends


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each part, in DER."""
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            wide = length & 0x7F
            length, at = int.from_bytes(content[at : at + wide]), at + wide
        if at + length > len(content):
            raise ValueError("it ends too early")
        yield tag, content[at : at + length]
        at += length


def _only(parts: Iterator[tuple[int, bytes]], tag: int) -> bytes:
    found, content = next(parts)
    if found != tag:
        raise ValueError("it is something else")
    return content


def _time(tag: int, content: bytes) -> datetime:
    said = content.decode("ascii")
    if tag == UTC_TIME:  # years in two digits, of 1950 to 2049
        said = f"{'20' if said[:2] < '50' else '19'}{said}"
    elif tag != GENERALIZED_TIME:
        raise ValueError("it is no time")
    return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
