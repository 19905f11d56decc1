"""Text without its disguises, so that patterns need not know them, and where each part was."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat

_ODD = re.compile(r"[^\x20-\x7e]")
"""What may be a disguise: anything but printable ASCII."""

_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏνοαερτικ\u2018\u2019\u201c\u201d\u2010\u2011\u2013\u2014",
    "aeopcyxijsdhlvoaeptik''\"\"----",
)
"""Cyrillic and Greek letters that look Latin, in words that are Latin otherwise; and quotes."""

_BLANKS = re.compile(r"[ \n]{2,}")
"""Of which the first stays."""

_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC_OR_GREEK = re.compile("[\u0370-\u04ff]")
_LATIN = re.compile("[a-z]")

_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_SIGN = re.compile("[013457@$]")
_LEET_WORD = re.compile(r"(?<![a-z0-9@$!])[a-z0-9@$!]{4,32}(?![a-z0-9@$!])")
"""What may be a word with digits or signs among its letters, as `1gn0re` or `pr3v10us`."""

_SPACED = re.compile(r"\b[a-z](?:[ .*_-][a-z]){4,}\b")
"""Letters that stand apart, as in `i g n o r e`; of two such words the gap is two blanks."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """Plain text.

    Attributes:
        text: in lower case, without invisible characters; blanks are single.
        offsets: for each character, which of the original it was; None where it is the same.
        length: of the original, in code points.
    """

    text: str
    offsets: Sequence[int] | None
    length: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original a part of the text stands, in code points; the end is exclusive."""
        if self.offsets is None or start >= end:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def plain(text: str) -> PlainText:
    """The text in lower case, without what changes how it is written and not how it is read."""
    lower = text.lower()
    if not _ODD.search(lower) and "  " not in lower:
        return PlainText(lower, None, len(text))
    pieces = list(map(_plain_piece, text))
    joined = "".join(pieces)
    offsets: Sequence[int] = range(len(text))
    if not all(map((1).__eq__, map(len, pieces))):
        offsets = list(chain.from_iterable(map(repeat, offsets, map(len, pieces))))
    blanks = [at for run in _BLANKS.finditer(joined) for at in range(run.start() + 1, run.end())]
    if blanks:
        dropped = set(blanks)
        kept = [at for at in range(len(joined)) if at not in dropped]
        joined, offsets = "".join([joined[at] for at in kept]), [offsets[at] for at in kept]
    return PlainText(_latin(joined), offsets, len(text))


@lru_cache(maxsize=8192)
def _plain_piece(character: str) -> str:
    """What becomes of a character, which may be several or none."""
    plain = []
    for part in unicodedata.normalize("NFKC", character).lower():
        if part in "\n\t\r" or unicodedata.category(part) not in ("Cf", "Cc"):
            plain.append(" " if part.isspace() and part != "\n" else part)
    return "".join(plain)


def undisguised(found: PlainText) -> PlainText | None:
    """The text as it is meant where digits stand for letters or letters apart; None if none do."""
    text = found.text
    changed = _LEET_WORD.sub(_meant, text) if _LEET_SIGN.search(text) else text
    gaps = [at for run in _SPACED.finditer(changed) for at in range(run.start() + 1, run.end(), 2)]
    if not gaps:
        return None if changed == text else PlainText(changed, found.offsets, found.length)
    dropped = set(gaps)
    kept = [at for at in range(len(changed)) if at not in dropped]
    offsets = kept if found.offsets is None else [found.offsets[at] for at in kept]
    return PlainText("".join(changed[at] for at in kept), offsets, found.length)


def _meant(word: re.Match[str]) -> str:
    """A word of letters, where it has about as many letters as other signs."""
    found = word[0]
    letters = sum("a" <= character <= "z" for character in found)
    return found.translate(_LEET) if 2 * letters >= len(found) > letters else found


def _latin(text: str) -> str:
    """Look-alikes made Latin in words that have Latin letters too: the same length."""
    if not _CYRILLIC_OR_GREEK.search(text):
        return text.translate(_LOOKALIKES) if _QUOTES.search(text) else text
    return _WORD.sub(_latin_word, text)


_QUOTES = re.compile("[\u2010-\u201d]")


def _latin_word(word: re.Match[str]) -> str:
    found = word[0]
    return found.translate(_LOOKALIKES) if _LATIN.search(found) else found
