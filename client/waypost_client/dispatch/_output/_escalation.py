"""A specialist's word that a query is not its own, told from an answer in text."""

import json
import re
from enum import Enum, auto
from typing import Any

from waypost_client.dispatch._output._text import well_formed

LONGEST = 4096
"""Characters of text that may be an escalation; a longer one is an answer."""
_REASON_BYTES = 1024
_FENCE = "```"
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        ("(?:[^"\\]++|\\.)*+")                  # a string
      | ([{}\[\],:])
      | ([A-Za-z0-9+.-]+)(?=[^A-Za-z0-9+.-])    # a number or a word that has ended
    )""",
    re.VERBOSE | re.DOTALL,
)
_UNFINISHED = re.compile(
    r"""[ \t\r\n]*(?:"(?:[^"\\]++|\\.)*+\\?|[A-Za-z0-9+.-]+)?\Z""", re.VERBOSE | re.DOTALL
)
_SCALAR = re.compile(r'".*|-?[0-9].*|true|false|null', re.DOTALL)
_NAMES = ("escalate", "reason")


def bounded_reason(reason: object) -> str:
    """What a specialist gave as its reason, fit to be sent.

    Returns:
        Well-formed text in 1,024 bytes of UTF-8 at most; empty for what is no text.
    """
    words = well_formed(reason[:_REASON_BYTES]) if isinstance(reason, str) else ""
    return words.encode()[:_REASON_BYTES].decode("utf-8", "ignore")


def reason_in(arguments: str) -> str:
    """The reason in the arguments of the tool ESCALATE; empty when they are garbled.

    That the tool was called is what counts: small models garble arguments.
    """
    try:
        document = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return ""
    return bounded_reason(document.get("reason")) if isinstance(document, dict) else ""


def escalation_in(text: str) -> str | None:
    """Why a specialist says that a query is not its own; None when the text is an answer.

    A text escalates when it is nothing but a JSON object, with white space or a code fence around
    it, that says `"escalate": true` before anything but "reason", in 4,096 characters at most.

    Returns:
        The reason in 1,024 bytes of UTF-8 at most; empty when it gives none.
    """
    whole = EscalationFilter()
    whole.feed(text)
    return whole.finish()[1]


class EscalationFilter:
    """Holds back what may become an escalation, and lets the rest of a stream pass."""

    def __init__(self) -> None:
        self._held: str | None = ""
        self._object = _Object()

    @property
    def holds(self) -> int:
        """Characters that are held back now."""
        return len(self._held or "")

    def feed(self, piece: str) -> str:
        """Takes the next piece; gives what may be shown, in order, which may be nothing."""
        if self._held is None:
            return piece
        held = self._held = self._held + piece
        if len(held) <= LONGEST and self._may_be(held):
            return ""
        self._held = None
        return held

    def finish(self) -> tuple[str, str | None]:
        """Ends the text.

        Returns:
            The rest to show, and None; or nothing, and the reason of an escalation.
        """
        held, self._held = self._held, None
        reason = self._object.reason
        return (held or "", None) if held is None or reason is None else ("", reason)

    def _may_be(self, held: str) -> bool:
        start = _start_of_object(held)
        if start is None:
            return False
        if start == len(held):
            return True
        if not self._object.read(held, start):
            return False
        if self._object.reason is None:
            return True
        tail = held[self._object.position :].strip()
        return _FENCE.startswith(tail) if held[:start].strip() else not tail


def _start_of_object(text: str) -> int | None:
    """Where the object starts; the end when it may still come; None when it cannot."""
    rest = text.lstrip()
    if rest[:3] == _FENCE:
        label = rest[3:7].casefold()
        rest = (rest[7:] if label == "json" else rest[3:]).lstrip()
        if rest and "json".startswith(rest.casefold()) and label == rest.casefold():
            return len(text)
    elif _FENCE.startswith(rest):
        return len(text)
    return len(text) - len(rest) if rest[:1] in ("{", "") else None


class _At(Enum):
    """What comes next in the object."""

    START = auto()
    FIRST_NAME = auto()
    NAME = auto()
    COLON = auto()
    VALUE = auto()
    COMMA = auto()


class _Object:
    """Reads an object token by token, as far as it is there.

    Attributes:
        position: how far it has read.
        reason: the reason, once the object has ended and is an escalation.
    """

    def __init__(self) -> None:
        self.position = 0
        self.reason: str | None = None
        self._start = 0
        self._at = _At.START
        self._name = ""
        self._escalates = False
        self._depth = 0
        self._ended = False

    def read(self, text: str, start: int) -> bool:
        """Reads on in a text that has grown; False when it is no escalation, whatever follows."""
        if self._at is _At.START:
            self._start = self.position = start
        while not self._ended:
            found = _TOKEN.match(text, self.position)
            if found is None:
                return self._may_continue(text)
            self.position = found.end()
            if not self._take(found[1] or found[2] or found[3]):
                return False
        if self.reason is None:
            self.reason = _reason(text[self._start : self.position])
        return self.reason is not None

    def _may_continue(self, text: str) -> bool:
        if _UNFINISHED.match(text, self.position) is None:
            return False
        rest = text[self.position :].lstrip(" \t\r\n")
        if not rest or self._escalates:
            return True
        if self._at in (_At.FIRST_NAME, _At.NAME):
            return rest[0] == '"' and ("\\" in rest or _begins_a_name(rest[1:]))
        if self._at is _At.VALUE:
            return self._name == "reason" or "true".startswith(rest)
        return False

    def _take(self, word: str) -> bool:
        """Takes a word; False when it may not stand here."""
        if self._depth:
            self._depth += (word in "{[") - (word in "}]")
            return True
        if self._at in (_At.FIRST_NAME, _At.COMMA) and word == "}":
            self._ended = True
            return self._escalates
        return self._take_next(word)

    def _take_next(self, word: str) -> bool:
        if self._at in (_At.FIRST_NAME, _At.NAME):
            return self._take_name(word)
        if self._at is _At.VALUE:
            return self._take_value(word)
        mark, self._at = _MARKS[self._at]
        return word == mark

    def _take_name(self, word: str) -> bool:
        self._at = _At.COLON
        self._name = _string(word)
        return word[0] == '"' and (self._escalates or self._name in _NAMES)

    def _take_value(self, word: str) -> bool:
        self._at = _At.COMMA
        if self._escalates:
            self._depth = int(word in "{[")
            return word not in "}],:"
        if self._name == "escalate":
            self._escalates = word == "true"
            return self._escalates
        return _SCALAR.fullmatch(word) is not None


_MARKS = {
    _At.START: ("{", _At.FIRST_NAME),
    _At.COLON: (":", _At.VALUE),
    _At.COMMA: (",", _At.NAME),
}


def _begins_a_name(text: str) -> bool:
    return any(name.startswith(text) for name in _NAMES)


def _string(word: str) -> str:
    try:
        return str(json.loads(word, strict=False))
    except ValueError:
        return ""


def _reason(document: str) -> str | None:
    """The reason in a whole object; None when it is no JSON after all."""
    try:
        value: dict[str, Any] = json.loads(document, strict=False)
    except (ValueError, RecursionError):
        return None
    return bounded_reason(value.get("reason"))
