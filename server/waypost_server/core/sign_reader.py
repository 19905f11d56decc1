"""Reads a text for signs of an attack: plainly, without disguises, and what it has in base64."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from waypost_server.core.blobs import hidden_texts
from waypost_server.core.clues import Flag, Severity
from waypost_server.core.guard_signs import SIGNS, WEIGHTS
from waypost_server.core.plain_text import PlainText, plain, undisguised
from waypost_server.core.ports import PatternSet


class SignReader:
    """Finds `SIGNS`; thread-safe."""

    def __init__(self, patterns: Callable[[Sequence[str]], PatternSet]) -> None:
        """Compiles the expressions; `patterns` makes what finds them."""
        self._patterns = patterns([sign.pattern for sign in SIGNS])

    def read(self, text: str) -> list[Flag]:
        """A flag for each sign in the text, read plainly, undisguised, and decoded."""
        found = plain(text)
        flags = self._read(found)
        meant = undisguised(found)
        if meant:
            flags += self._read(meant)
        for start, end, said in hidden_texts(text):
            flags += [replace(flag, start=start, end=end) for flag in self._read(plain(said))]
        return _distinct(flags)

    def _read(self, found: PlainText) -> list[Flag]:
        flags = []
        for position, start, end in self._patterns.find(found.text):
            sign = SIGNS[position]
            start, end = found.span(start, end)
            flag = Flag(
                kind=sign.kind, start=start, end=end, severity=sign.severity, detector=sign.name
            )
            flags.append(flag)
        return flags


def _distinct(flags: Iterable[Flag]) -> list[Flag]:
    """Each sign once, and of sure signs of one kind that overlap, which say the same, the first."""
    kept: list[Flag] = []
    for flag in flags:
        known = any(
            flag.detector == other.detector
            or (
                flag.kind is other.kind
                and flag.severity is other.severity is Severity.HIGH
                and flag.start < other.end
                and other.start < flag.end
            )
            for other in kept
        )
        if not known:
            kept.append(flag)
    return kept


def weight_of(signs: Iterable[Flag]) -> float:
    """The logits that signs add to a head's."""
    return sum(WEIGHTS[flag.severity] for flag in signs)
