"""Takes out of free text what a log must not keep: secrets, addresses, numbers of accounts.

A log is read long afterwards and by others than the text was meant for. So what may be one of these
is taken out, though now and then it is none; words and ordinary numbers stay.

Time is linear in the text, whatever it is: a run of characters is scanned once, because no
expression can begin in the middle of one, and what repeats gives nothing back (`++`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from waypost_server.core.account_numbers import cards_in, iban_length
from waypost_server.core.placeholders import is_placeholder

Span = tuple[int, int]
"""Where something starts and ends, in characters."""

Found = tuple[int, int, str]
"""Where something starts and ends, and what it is called."""

_GAP = r"[ \u00a0\u202f\u2009\u2010\u2011-]"
"""What parts the groups of a number: blanks and hyphens."""

_WORD = r"(?<![A-Za-z0-9_])"

_TOKENS = re.compile(
    _WORD
    + r"""(?:
        (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])          # AWS
      | gh[pousr]_[A-Za-z0-9]{36,}+ | github_pat_[A-Za-z0-9_]{22,}+
      | gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt)-[A-Za-z0-9_-]{20,}+
      | xox[abeoprs]-[A-Za-z0-9-]{10,}+ | xapp-[0-9]-[A-Za-z0-9-]{10,}+
      | hooks\.slack\.com/services/[A-Za-z0-9/]{20,}+
      | AIza[A-Za-z0-9_-]{35} | ya29\.[A-Za-z0-9_-]{20,}+ | GOCSPX-[A-Za-z0-9_-]{28}
      | [sr]k_(?:live|test)_[A-Za-z0-9]{16,}+ | whsec_[A-Za-z0-9+/=]{24,}+
      | sk-ant-[A-Za-z0-9_-]{20,}+
      | sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,}+
      | hf_[A-Za-z0-9]{30,}+ | npm_[A-Za-z0-9]{36}
      | pypi-[A-Za-z0-9_-]{50,}+ | SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+
      | eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)? # a JSON Web Token
    )""",
    re.VERBOSE,
)
"""Keys and tokens that say what they are, as their providers write them."""

_AUTHORIZATION = re.compile(_WORD + r"(?i:bearer|basic)[ ]{1,3}([A-Za-z0-9._~+/=-]{16,}+)")

_NAMED = (
    r"(?i:(?P<password>passwords?|passwd|passphrase|passcode|pwd|(?<![a-z])pin)"
    r"|secret|token|credentials?|(?:api|secret|access|private|auth|account|client|signing|encryption)"
    r"[_ -]?(?:access[_ -]?)?(?:key|token|secret))"
)
_QUOTES = r"[\"'`*]{0,3}"
_ASSIGNED = re.compile(
    _NAMED
    + _QUOTES
    + r"\s{0,3}(?:(?P<mark>=>|:=|==?|:)|(?i:is|was)(?=\s))"
    + _QUOTES
    + r"\s{0,3}"
    + _QUOTES
    + r"(?P<value>[^\s\"'`,;<>]{4,}+)"
)
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@:?#]{0,256}:([^\s/@]{1,256})@")

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,64}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,64}PRIVATE KEY(?: BLOCK)?-----")

_MAILBOX = r"[\w.!#$%&'*+/=?^{|}~-]"
_EMAIL = re.compile(rf"(?<!{_MAILBOX})({_MAILBOX}++)@(\w[\w-]*+(?:\.\w[\w-]*+)++)")

_VERSION = re.compile(r"v?[0-9]+\.[0-9]")
"""How a version of a package begins, as in `react@18.2.0`; of providers such as `163.com` none."""

_GIT = re.compile(r"(?<![\w.+-])git\Z")
"""Whom a server of repositories knows everybody as."""

_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")

_IBAN = re.compile(rf"{_WORD}[A-Za-z]{{2}}[0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{11,30}}+")
_DIGITS = re.compile(rf"(?<![0-9])(?<![0-9]{_GAP})[0-9](?:{_GAP}?[0-9]){{12,}}+")

_LEAST_VALUE = 6
"""Characters of a password or key that is looked for: shorter ones are mostly words or counts."""


def redacted(text: str) -> str:
    """The text with a placeholder such as `[redacted: email]` for each thing that was found."""
    return without(text, found_in(text))


def redacted_values(said: Mapping[str, str]) -> dict[str, str]:
    """Named values likewise, each read after its name: that may say that it is a password."""
    values = {}
    for name, value in said.items():
        whole, before = redacted(f"{name}: {value}"), f"{name}: "
        values[name] = whole.removeprefix(before) if whole.startswith(before) else "[redacted]"
    return values


def is_redacted(text: str) -> bool:
    """Whether something was taken out of it, as far as that can be seen."""
    return "[redacted" in text


def found_in(text: str) -> list[Found]:
    """What `redacted` takes out."""
    return [
        (start, end, name)
        for name, (sign, detect) in _DETECTORS.items()
        if sign(text)
        for start, end in detect(text)
        if start < end
    ]


def without(text: str, found: Iterable[Found]) -> str:
    """The text with placeholders for parts of it, which may overlap."""
    pieces, position = [], 0
    for start, minus_end, name in sorted((start, -end, name) for start, end, name in found):
        if start >= position:
            pieces += [text[position:start], f"[redacted: {name}]"]
        position = max(position, -minus_end)
    return "".join([*pieces, text[position:]])


def _private_keys(text: str) -> Iterator[Span]:
    """From the first line of a key to its last, or to the end of a text that breaks off."""
    position = 0
    while begins := _KEY_BEGINS.search(text, position):
        ends = _KEY_ENDS.search(text, begins.end())
        position = ends.end() if ends else len(text)
        yield begins.start(), position


def _tokens(text: str) -> Iterator[Span]:
    for found in _TOKENS.finditer(text):
        if not is_placeholder(found[0]):
            yield found.span()
    for found in _AUTHORIZATION.finditer(text):
        if re.search(r"[0-9]", found[1]) and not is_placeholder(found[1]):
            yield found.span(1)


def _passwords(text: str) -> Iterator[Span]:
    """The value alone: what it is a password of may stay."""
    for found in _ASSIGNED.finditer(text):
        value = found["value"].rstrip(".:!?*)]}")
        if _is_secret(value, named=found["mark"] is not None, password=bool(found["password"])):
            yield found.start("value"), found.start("value") + len(value)
    for found in _URL_LOGIN.finditer(text):
        if not is_placeholder(found[1]):
            yield found.span(1)


def _is_secret(value: str, *, named: bool, password: bool) -> bool:
    """Whether it is no word, no name and no mere count."""
    if value.startswith("[redacted") or is_placeholder(value):
        return False
    if named and password and len(value) >= 4 and value.isdigit():
        return True
    letters = any(character.isalpha() for character in value)
    others = any(character.isdigit() or character in "!#$%&*+=?@^~" for character in value)
    return len(value) >= _LEAST_VALUE and letters and others


def _emails(text: str) -> Iterator[Span]:
    for found in _EMAIL.finditer(text):
        mailbox = found[1]
        if _GIT.search(mailbox) or (_VERSION.match(found[2]) and not _IPV4.fullmatch(found[2])):
            continue
        # Punctuation before an address is not of it.
        start = found.start() + len(mailbox) - len(mailbox.lstrip("!#$%&'*+/=?^{|}~.-"))
        if start < found.end(1):
            yield start, found.end()


def _ibans(text: str) -> Iterator[Span]:
    """An IBAN ends where its country says, whatever letters follow after a blank."""
    for found in _IBAN.finditer(text):
        places = [at for at in range(*found.span()) if text[at].isalnum()]
        length = iban_length("".join(text[at] for at in places).upper())
        if not length:
            continue
        end = places[length - 1] + 1
        if not text[end : end + 1].isalnum():
            yield found.start(), end


def _cards(text: str) -> Iterator[Span]:
    for run in _DIGITS.finditer(text):
        groups = [part.span() for part in re.compile(r"[0-9]++").finditer(text, *run.span())]
        for first, last in cards_in([text[start:end] for start, end in groups]):
            yield groups[first][0], groups[last][1]


_NAMES = ("pass", "pwd", "pin", "secret", "token", "credential", "key", "://")
"""One of them is in whatever names a password, and in the URLs that hold one."""


def _names_password(text: str) -> bool:
    folded = text.casefold()
    return any(name in folded for name in _NAMES)


_DIGIT, _LONG = re.compile("[0-9]").search, re.compile("[A-Za-z0-9_-]{10}").search

_DETECTORS: dict[str, tuple[Callable[[str], object], Callable[[str], Iterator[Span]]]] = {
    "private_key": (re.compile("-----BEGIN").search, _private_keys),
    "token": (_LONG, _tokens),
    "password": (_names_password, _passwords),
    "card_number": (_DIGIT, _cards),
    "iban": (_DIGIT, _ibans),
    "email": (re.compile("@").search, _emails),
}
"""By name what finds it, after a sign without which there is none: most texts have few signs."""
