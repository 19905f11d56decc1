"""Words and phrases in a text, by one look at it whatever their number."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_WORD = re.compile(r"\w+|[^\w\s]")
"""A word, or a sign on its own: so that "c++", "c#" and "node.js" can be looked for."""


def words_of(text: str) -> tuple[str, ...]:
    """The words and signs of a text, in order, without regard to case or Unicode form.

    Equal are what NFKC_Casefold makes equal (Unicode Standard, section 3.13): "STRASSE" and
    "straße", "é" as one code point or two, full width and half width. Accents count.
    """
    if text.isascii():
        return tuple(_WORD.findall(text.lower()))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return tuple(_WORD.findall(folded))


class KeywordFinder:
    """Finds which of many keywords stand in a text, at the boundaries of words; thread-safe."""

    def __init__(self, keywords: Iterable[str]) -> None:
        """Takes keywords as written; each has at least one word or sign in it."""
        by_first: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for keyword in dict.fromkeys(keywords):
            words = words_of(keyword)
            by_first[words[0]].append((_joined(words) if len(words) > 1 else "", keyword))
        self._by_first = dict(by_first)

    def find(self, text: str) -> list[str]:
        """The keywords in `text`, as they were written."""
        words = words_of(text)
        begun = self._by_first.keys() & set(words)
        if not begun:
            return []
        joined = _joined(words)
        return [
            keyword
            for word in begun
            for phrase, keyword in self._by_first[word]
            if not phrase or phrase in joined
        ]


def _joined(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "
