"""Regular expressions that take time linear in the text, whatever the expression: RE2's."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol, TypeVar, cast

try:
    import re2
except ModuleNotFoundError as error:  # the first of what the extra brings
    message = "the dispatcher needs more than the client: pip install 'waypost[dispatch]'"
    raise ModuleNotFoundError(message, name=error.name) from None

T = TypeVar("T", str, bytes, contravariant=True)


class RegexError(ValueError):
    """RE2 does not know an expression."""


class Match(Protocol):
    """Where an expression matched."""

    def span(self) -> tuple[int, int]:
        """Start and end."""

    def start(self) -> int:
        """Start."""

    def end(self) -> int:
        """End, exclusive."""


class Regex(Protocol[T]):
    """A compiled expression."""

    def search(self, text: T, pos: int = 0) -> Match | None:
        """The first match from a position on."""

    def match(self, text: T) -> Match | None:
        """The match at the start."""

    def finditer(self, text: T) -> Iterator[Match]:
        """All matches that do not overlap."""


@lru_cache(maxsize=256)
def text_regex(pattern: str) -> Regex[str]:
    """An expression for text without lone surrogates.

    Raises:
        RegexError: RE2 does not know it.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return cast("Regex[str]", re2.compile(pattern, options))
    except re2.error as error:
        said = error.args[0] if error.args else ""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise RegexError(words) from None


@lru_cache(maxsize=64)
def bytes_regex(pattern: bytes) -> Regex[bytes]:
    """An expression of this package's own for bytes; groups are not captured."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    return cast("Regex[bytes]", re2.compile(pattern, options))
