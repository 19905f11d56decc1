"""Regular expressions by RE2, whose time is linear in the text and whose memory is bounded."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import re2

from waypost_server.adapters.re2_syntax import lacking, literal_repeat
from waypost_server.core.extraction.values import Regex

MAX_PROGRAM = 1_000
"""Instructions of an expression that every query meets, which is what a character of the text costs
at worst. Ordinary ones have 10 to 100; a dot repeated 100 times has 900."""

MAX_TOGETHER = 100_000
"""Instructions of all expressions: a thousand large ones."""

MAX_BYTES = 2**26
"""Memory for all expressions together, and what they remember of the texts that they saw."""

MAX_BYTES_ALONE = 2**20
"""Likewise, for one alone."""


class Re2Patterns:
    """Looks for all expressions at once; implements PatternSet."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compiles expressions that `pattern_problem` has no word against.

        Raises:
            ValueError: RE2 refuses one, or together they are too large.
        """
        self._alone = [_compile(pattern, _searching()) for pattern in patterns]
        size = sum(one.programsize for one in self._alone)
        if size > MAX_TOGETHER:
            raise ValueError(
                f"together the expressions are too large ({size:,} instructions, "
                f"{MAX_TOGETHER:,} at most)"
            )
        self._set = re2.Set.SearchSet(_searching(MAX_BYTES))
        for pattern in patterns:
            self._set.Add(pattern)
        # Always matches: RE2 says "none" where its memory did not suffice, and so we notice.
        self._sentinel = self._set.Add("")
        self._set.Compile()

    def matching(self, text: str) -> Sequence[int]:
        """Positions of the expressions that match somewhere in `text`."""
        content = _bytes(text)
        likely = self._likely(content)
        if likely is None:
            return [place for place, one in enumerate(self._alone) if one.search(content)]
        return likely

    def find(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Expressions that match, and where first."""
        content = _bytes(text)
        likely = self._likely(content)
        found = []
        for place in range(len(self._alone)) if likely is None else likely:
            match = self._alone[place].search(content)
            if match:
                start, end = match.span()
                before = len(content[:start].decode("utf-8", "replace"))
                within = len(content[start:end].decode("utf-8", "replace"))
                found.append((place, before, before + within))
        return found

    def _likely(self, content: bytes) -> list[int] | None:
        """Positions of those that match, ascending; None where the memory did not suffice."""
        places: list[int] = self._set.Match(content) or []
        if self._sentinel not in places:
            return None
        return sorted(place for place in places if place != self._sentinel)


@lru_cache(maxsize=1024)
def compile_re2(pattern: str) -> Regex:
    """An expression for text without lone surrogates.

    Raises:
        ValueError: RE2 does not know it; the message says why.
    """
    return cast("Regex", _compile(pattern, _options()))


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with an expression, and what to write; None where it may be used."""
    try:
        compile_re2(pattern)
    except ValueError as error:
        lack = lacking(pattern)
        return f"has what RE2 lacks: {lack}" if lack else f"is refused by RE2: {error}; mend it"
    trap = literal_repeat(pattern)
    return f"has what is plain text to RE2: {trap}" if trap else None


def search_problem(pattern: str) -> str | None:
    """Likewise, of an expression that every query meets."""
    if problem := pattern_problem(pattern):
        return problem
    try:
        size: int = _compile(pattern, _searching()).programsize
    except ValueError as error:
        return f"is refused by RE2: {error}; repeat less, or name fewer characters"
    if size > MAX_PROGRAM:
        return (
            f"is too large ({size:,} instructions, {MAX_PROGRAM:,} at most); repeat less, or name "
            "fewer characters"
        )
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _compile(pattern: str, options: Any) -> Any:  # noqa: ANN401  (the library has no types)
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(words[:120]) from None


def _options() -> Any:  # noqa: ANN401
    options = re2.Options()
    options.log_errors = False
    return options


def _searching(max_bytes: int = MAX_BYTES_ALONE) -> Any:  # noqa: ANN401
    """Options for telling whether and where, within so much memory, and not what a group holds."""
    options = _options()
    options.never_capture = True
    options.max_mem = max_bytes
    return options
