"""What secrets and personal data look like: a table of detectors, and where one may be unfinished.

All expressions are RE2's, over the bytes of UTF-8: time is linear in the text.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from waypost_client.dispatch._output._numbers import card_number, iban
from waypost_client.dispatch._output._regex import bytes_regex

Span = tuple[int, int]
"""Where something starts and ends, in bytes."""

_REREAD = 80
"""Bytes of a candidate within which another may begin when it is none: longer than any number."""


class Kind(StrEnum):
    """What must not leave."""

    SECRET = "secret"  # noqa: S105 - the word itself
    PERSONAL_DATA = "personal_data"
    PROMPT_LEAK = "prompt_leak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One thing to find.

    Attributes:
        name: what findings and placeholders call it.
        kind: what it is.
        pattern: an expression for candidates.
        accept: what part of a candidate is the thing, given the text and the candidate's span; None
            for no part of it. None: every candidate is.
    """

    name: str
    kind: Kind
    pattern: bytes
    accept: Callable[[bytes, int, int], Span | None] | None = None

    def spans(self, data: bytes) -> Iterator[Span]:
        """Where it is, in bytes, from left to right."""
        regex = bytes_regex(self.pattern)
        position = 0
        while (found := regex.search(data, position)) is not None:
            span = found.span()
            accepted = span if self.accept is None else self.accept(data, *span)
            if accepted is not None:
                yield accepted
                position = accepted[1]
            else:
                short = span[1] - span[0] <= _REREAD
                position = span[0] + 1 if short else span[1]


# What parts the groups of a number: a blank, a hyphen, the no-break blanks, the no-break hyphen.
_GAP = rb"(?: |-|\xc2\xa0|\xe2\x80\xaf|\xe2\x80\x91)"
_PEM_HEAD = rb"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_PEM_END = rb"-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_PEM = _PEM_HEAD + rb"(?s:.*?)(?:" + _PEM_END + rb"|\z)"
_KEYWORD = (
    rb"(?i:passwords?|passwd|passphrase|pwd|secret|token|"
    rb"(?:api|secret|access|private|auth|account|client)"
    rb"[_ -]?(?:access[_ -]?)?(?:key|token|secret))"
)
_QUOTES = rb"[\"'`*]{0,3}"
_ASSIGNED = _QUOTES + rb"\s{0,3}(?:=>|:=|==?|:)" + _QUOTES + rb"\s{0,3}" + _QUOTES
_VALUE_BYTE = rb"[!#-&(-+\--:=?-_a-~]"
"""Printable ASCII without quotes, comma, semicolon and angle brackets."""

_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]{40}")
_PLACEHOLDER = re.compile(
    rb"(?i)your|example|change|placeholder|redacted|dummy|xxx|\*\*\*|\.\.\.|^[$%]|[(\[{]|://"
)
_CODE = re.compile(
    rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[a-z]+(?:[_/.-][a-z]+)+[0-9]*|[A-Z]+(?:_[A-Z0-9]+)+"
)
_LEAST_PASSWORD = 8
"""Characters of a password that are looked for: shorter ones are mostly words of the text."""
_LEAST_BITS = 2.5
"""Bits of a password's character: a date's or a repeated word's characters have fewer."""
_KEY_BITS = 3.0
"""Bits of a key's character: more than most names in kebab case have."""


def _bits(value: bytes) -> float:
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())


def _pem(data: bytes, start: int, end: int) -> Span | None:
    return (start, end) if _BASE64_LINE.search(data, start, end) else None


def _random_key(data: bytes, start: int, end: int) -> Span | None:
    value = data[start:end]
    mixed = re.search(rb"[0-9]", value) and re.search(rb"[A-Z]", value)
    return (start, end) if mixed and _bits(value) > _KEY_BITS else None


def _password(data: bytes, start: int, end: int) -> Span | None:
    """The value alone: what it is a password of may stay."""
    candidate = data[start:end]
    name = bytes_regex(_KEYWORD + _ASSIGNED).match(candidate)
    value = candidate[name.end() if name else 0 :]
    start, value = end - len(value), value.rstrip(b".:!?*")
    mixed = re.search(rb"[A-Za-z]", value) and re.search(rb"[^A-Za-z]", value)
    if not mixed or len(value) < _LEAST_PASSWORD or _bits(value) < _LEAST_BITS:
        return None
    named = _PLACEHOLDER.search(value) or _CODE.fullmatch(value)
    return None if named else (start, start + len(value))


def _card(data: bytes, start: int, end: int) -> Span | None:
    # The fraction of a decimal number is no card.
    if re.search(rb"[0-9][.,]\Z", data[max(0, start - 2) : start]):
        return None
    digits = re.sub(rb"[^0-9]", b"", data[start:end]).decode()
    return (start, end) if card_number(digits) else None


def _iban(data: bytes, start: int, end: int) -> Span | None:
    """An IBAN ends where its country says, whatever capital letters follow after a blank."""
    characters = [found.span() for found in re.finditer(rb"[A-Z0-9]", data[start:end])]
    length = iban("".join(chr(data[start + at]) for at, _ in characters))
    if not length:
        return None
    end = start + characters[length - 1][1]
    return None if re.match(rb"[A-Za-z0-9]", data[end : end + 1]) else (start, end)


_NO_MAILBOX = re.compile(
    rb"(?i)git@|[^@]*@(?:[^@]*\.)?(?:example|test|invalid|localhost|example\.(?:com|org|net))\Z"
)
"""The user of a repository's address, and the domains that RFC 2606 keeps for examples."""


def _email(data: bytes, start: int, end: int) -> Span | None:
    return None if _NO_MAILBOX.match(data[start:end]) else (start, end)


_S, _P = Kind.SECRET, Kind.PERSONAL_DATA
DETECTORS = (
    Detector(name="private_key", kind=_S, pattern=_PEM, accept=_pem),
    Detector(name="aws_key", kind=_S, pattern=rb"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    Detector(
        name="github_token",
        kind=_S,
        pattern=rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    Detector(
        name="gitlab_token",
        kind=_S,
        pattern=rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt)-[A-Za-z0-9_-]{20,}",
    ),
    Detector(
        name="slack_token",
        kind=_S,
        pattern=rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Za-z0-9-]{10,}"
        rb"|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    ),
    Detector(
        name="google_key",
        kind=_S,
        pattern=rb"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{28}",
    ),
    Detector(
        name="stripe_key",
        kind=_S,
        pattern=rb"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{24,}",
    ),
    Detector(name="anthropic_key", kind=_S, pattern=rb"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    Detector(name="openai_key", kind=_S, pattern=rb"\bsk-[A-Za-z0-9_-]{20,}", accept=_random_key),
    Detector(
        name="jwt",
        kind=_S,
        pattern=rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    ),
    Detector(
        name="password",
        kind=_S,
        pattern=_KEYWORD + _ASSIGNED + _VALUE_BYTE + rb"{8,}",
        accept=_password,
    ),
    Detector(
        name="card_number",
        kind=_P,
        pattern=rb"\b(?:[0-9]{13,19}|[0-9]{4}(?:"
        + _GAP
        + rb"[0-9]{4}){3}(?:"
        + _GAP
        + rb"[0-9]{1,3})?|[0-9]{4}"
        + _GAP
        + rb"[0-9]{6}"
        + _GAP
        + rb"[0-9]{4,5})\b",
        accept=_card,
    ),
    Detector(
        name="iban",
        kind=_P,
        pattern=rb"\b[A-Z]{2}[0-9]{2}(?:" + _GAP + rb"?[A-Z0-9]){11,30}",
        accept=_iban,
    ),
    Detector(
        name="email",
        kind=_P,
        pattern=rb"\b[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b",
        accept=_email,
    ),
)

# The ends of a text that may go on as something above. The first is for what has no gap in it.
_UNFINISHED = (
    rb"[A-Za-z0-9_.@%+=-]+",
    rb"[0-9](?:" + _GAP + rb"?[0-9])*" + _GAP + rb"?",
    rb"[A-Z]{2}[0-9]{2}(?:" + _GAP + rb"?[A-Z0-9]){0,30}" + _GAP + rb"?",
    rb"hooks\.slack\.com[A-Za-z0-9/]*",
    rb"whsec_[A-Za-z0-9+/=]*",
    rb"-----BEGIN[A-Z0-9 ]*-*",
    _KEYWORD
    + _QUOTES
    + rb"\s{0,3}(?:(?:=>|:=|==?|:)"
    + _QUOTES
    + rb"\s{0,3}"
    + _QUOTES
    + _VALUE_BYTE
    + rb"*)?",
)


def found_in(data: bytes, kinds: frozenset[Kind]) -> list[tuple[Detector, int, int]]:
    """Everything of some kinds in a text of UTF-8, with its span in bytes; in no order."""
    if bytes_regex(_any_of(kinds)).search(data) is None:
        return []
    return [
        (detector, start, end)
        for detector in DETECTORS
        if detector.kind in kinds
        for start, end in detector.spans(data)
    ]


def unfinished_from(data: bytes) -> int:
    """The first byte that may belong to something which the end of the text cuts off."""
    found = bytes_regex(rb"(?:" + rb"|".join(_UNFINISHED) + rb")\z").search(data)
    start = len(data) if found is None else found.start()
    for block in bytes_regex(_PEM).finditer(data):
        if block.end() == len(data):
            start = min(start, block.start())
    return start


@lru_cache(maxsize=8)
def _any_of(kinds: frozenset[Kind]) -> bytes:
    """An expression that matches where any does: one pass over a text that has nothing."""
    return rb"|".join(each.pattern for each in DETECTORS if each.kind in kinds) or rb"\z."
