"""Personal data and secrets in a query, as flags: what logs leave out, and how much it matters."""

from collections.abc import Collection, Iterator

from waypost_server.core.clues import Flag, FlagKind, Severity
from waypost_server.core.redaction import found_in

_KINDS = {
    "private_key": (FlagKind.SECRET, Severity.HIGH),
    "token": (FlagKind.SECRET, Severity.HIGH),
    "password": (FlagKind.SECRET, Severity.MEDIUM),
    "card_number": (FlagKind.PERSONAL_DATA, Severity.HIGH),
    "iban": (FlagKind.PERSONAL_DATA, Severity.HIGH),
    "email": (FlagKind.PERSONAL_DATA, Severity.LOW),
}
"""A secret that says what it is, or a number that carries its check, is surely one."""


def personal_flags(text: str, kinds: Collection[FlagKind]) -> Iterator[Flag]:
    """What is found of these kinds, in no order."""
    if FlagKind.PERSONAL_DATA not in kinds and FlagKind.SECRET not in kinds:
        return
    for start, end, name in found_in(text):
        kind, severity = _KINDS[name]
        if kind in kinds:
            yield Flag(kind=kind, start=start, end=end, severity=severity, detector=name)
