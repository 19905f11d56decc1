"""Phrases that stand for values, found in time linear in the text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from waypost_server.core.extraction.text import LEAST_STEM, Text

LEAST_FOR_TYPOS = 6
"""Letters of a word that may be misspelt: shorter ones are too near to other words."""

_WORD = re.compile(r"\w+|[^\w\s]")


class Hit(NamedTuple):
    """A value, and the words that stand for it: positions, the last exclusive."""

    value: str
    first: int
    last: int


class Phrase(NamedTuple):
    """Its words in lower case; as written, if case counts; whether each follows at once."""

    words: tuple[str, ...]
    exact: tuple[str, ...] | None
    joined: tuple[bool, ...] | None
    value: str | None


Candidate = Sequence[Phrase]
"""Phrases that may begin at a place, the longest first."""


class Phrases:
    """A table of phrases, the longest at each place first.

    Args:
        synonyms: phrases by value; those in lower case match in any case.
        ignore: phrases that stand for nothing, and hide what they hold.
        typos: whether words may be misspelt by a letter left out, doubled or moved.
    """

    def __init__(
        self,
        synonyms: Mapping[str, Sequence[str]],
        *,
        ignore: Sequence[str] = (),
        typos: bool = False,
    ) -> None:
        self._table: dict[str, list[Phrase]] = {}
        listed = [(value, phrase) for value, phrases in synonyms.items() for phrase in phrases]
        for value, phrase in (*((None, phrase) for phrase in ignore), *listed):
            made = _phrase(phrase, value)
            if made.words:
                self._table.setdefault(made.words[0], []).append(made)
        for phrases in self._table.values():
            phrases.sort(key=lambda one: -len(one.words))
        # Other forms of a first word lead to the same phrases, so that one look finds them all.
        forms = _misspelt(self._table) if typos else {}
        forms |= {word + "s": word for word in self._table if len(word) >= LEAST_STEM}
        for form, word in forms.items():
            self._table.setdefault(form, self._table[word])

    @property
    def first_words(self) -> Mapping[str, Candidate]:
        """Phrases by the first word, in each of its forms."""
        return self._table

    def find(self, text: Text) -> Iterator[Hit]:
        """Values in the order of the text; no two overlap."""
        free = 0
        for place, phrases in self._candidates(text):
            if place < free:
                continue
            for phrase in phrases:
                if _stands_at(place, phrase, text):
                    free = place + len(phrase.words)
                    if phrase.value is not None:
                        yield Hit(phrase.value, place, free)
                    break

    def names_any(self, text: Text) -> bool:
        """Whether a word of the list stands there, be it one that is to be ignored."""
        return any(
            _stands_at(place, phrase, text)
            for place, phrases in self._candidates(text)
            for phrase in phrases
        )

    def _candidates(self, text: Text) -> Iterable[tuple[int, Candidate]]:
        """Places where phrases may begin, and these."""
        looked_up: Sequence[tuple[int, Candidate]] | None = text.candidates.get(self)
        if looked_up is not None:
            return looked_up
        table = self._table
        found = [(i, table[word]) for i, word in enumerate(text.folded) if word in table]
        of_stems = [
            (i, table[stem])
            for i, stem in text.stems
            if stem in table and text.folded[i] not in table
        ]
        return sorted((*found, *of_stems), key=lambda one: one[0]) if of_stems else found


def _phrase(text: str, value: str | None) -> Phrase:
    matches = list(_WORD.finditer(text))
    words = tuple(match.group() for match in matches)
    folded = tuple(word.lower() for word in words)
    marks = any(not word[0].isalnum() and word[0] != "_" for word in words)
    joined = tuple(
        i > 0 and match.start() == matches[i - 1].end() for i, match in enumerate(matches)
    )
    return Phrase(folded, words if words != folded else None, joined if marks else None, value)


def _stands_at(place: int, phrase: Phrase, text: Text) -> bool:
    # The first word was looked up, in one of its forms.
    words, exact, joined, _ = phrase
    size = len(words)
    if size > 1:
        folded = text.folded
        if place + size > len(folded):
            return False
        for i in range(1, size):
            if folded[place + i] != words[i] and not _same(folded[place + i], words[i]):
                return False
    if exact and not all(map(_same, text.words[place : place + size], exact)):
        return False
    if joined and size > 1:
        spans = text.spans
        return all(
            not at_once or spans[place + i][0] == spans[place + i - 1][1]
            for i, at_once in enumerate(joined)
        )
    return True


def _same(there: str, wanted: str) -> bool:
    return there == wanted or (len(wanted) >= LEAST_STEM and there == wanted + "s")


def _misspelt(table: Mapping[str, Sequence[Phrase]]) -> dict[str, str]:
    """Words by what they are misspelt as, unless that might be another."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for word, phrases in table.items():
        if len(word) < LEAST_FOR_TYPOS or all(phrase.exact for phrase in phrases):
            continue
        for wrong in _misspellings(word):
            if found.setdefault(wrong, word) != word:
                twice.add(wrong)
    return {wrong: word for wrong, word in found.items() if wrong not in twice | table.keys()}


def _misspellings(word: str) -> set[str]:
    """Its first letter stays, as it mostly does; the last is not left out: that is often a word."""
    inner = range(1, len(word) - 1)
    left_out = {word[:i] + word[i + 1 :] for i in inner}
    doubled = {word[: i + 1] + word[i:] for i in range(1, len(word))}
    moved = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in inner}
    return (left_out | doubled | moved) - {word}
