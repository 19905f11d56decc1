"""A text as extractors read it: its words, made once for all of them."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

HEAD, TAIL = 3_072, 1_024
"""Characters that are read of a longer text: what is asked stands before or after what is pasted,
and no text takes more than some milliseconds."""

_WORD = re.compile(r"\w+|\S")

_DIGIT = re.compile(r"\d")

_DIGITS = "0123456789"

_NEAR = 2
"""Words before a value among which one of `after` must be."""

_DENIED = 6
"""Words and marks before a value among which a denial must be: n't alone is three."""

_APOSTROPHES, _ENDS = frozenset("'\u2019"), frozenset(".,;:!?()")

_RUN = re.compile(r"\w+")

LEAST_STEM = 3
"""Letters before the digits of a word such as python3, and before a plural's s."""

_ONES = "one two three four five six seven eight nine ten eleven twelve"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"

SMALL = {word: number for number, word in enumerate(_ONES.split(), start=1)}
SMALL |= {word: number * 10 for number, word in enumerate(_TENS.split(), start=2)}
"""Numbers that people write as words."""

Value = str | int | float
"""What an extractor finds; a day is a text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it begins: a character of the text that was read."""

    value: Value
    start: int


class Looks(Protocol):
    """Looks for what several extractors want, once for all of them."""

    def candidates(self, text: "Text") -> Mapping[object, Any]:
        """Where phrases may begin, by their table."""

    def matching(self, text: "Text") -> Collection[int] | None:
        """Positions of the expressions that match; None where that is not known."""


class Text:
    """What is read of a text.

    Args:
        text: the text.
        looks: what looks for several extractors at once; None to let each look itself.

    Attributes:
        text: the characters that are read.
    """

    def __init__(self, text: str, looks: Looks | None = None) -> None:
        self._looks = looks
        self.text = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"

    @cached_property
    def words(self) -> list[str]:
        """Runs of letters, digits and underscores; any other mark is a word of its own."""
        return _WORD.findall(self.text)

    @cached_property
    def folded(self) -> list[str]:
        """The words in lower case."""
        lower = self.text.lower()
        folded: list[str] = _WORD.findall(lower)
        if len(lower) == len(self.text) and lower.isascii():
            return folded
        # A few letters fall apart in lower case.
        same = len(folded) == len(self.words)
        return folded if same else [word.lower() for word in self.words]

    @cached_property
    def candidates(self) -> Mapping[object, Any]:
        """Where phrases may begin, by their table; of a table that is not in it, nobody looked."""
        return self._looks.candidates(self) if self._looks else {}

    @cached_property
    def matching(self) -> Collection[int] | None:
        """Positions of the expressions that match; None where that is not known."""
        return self._looks.matching(self) if self._looks else None

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Where each of the words stands."""
        # Between two words are blanks alone, so the next place where a word is found is its own.
        text, end, spans = self.text, 0, []
        for word in self.words:
            start = text.index(word, end)
            end = start + len(word)
            spans.append((start, end))
        return spans

    @cached_property
    def known(self) -> frozenset[str]:
        """The words, each once, as they are written."""
        return frozenset(self.words)

    @cached_property
    def has_figures(self) -> bool:
        """Whether a digit stands in it: without one, much need not be looked for."""
        return _DIGIT.search(self.text) is not None

    @cached_property
    def numbers(self) -> list[int]:
        """Places of the words that begin with a digit, or are small numbers themselves."""
        return [
            place for place, word in enumerate(self.folded) if word[0].isdigit() or word in SMALL
        ]

    @cached_property
    def stems(self) -> list[tuple[int, str]]:
        """What stands before the digits of words such as python3, and its place."""
        numbered = [
            (i, word.rstrip(_DIGITS))
            for i, word in enumerate(self.folded)
            if len(word) > LEAST_STEM and word[-1] in _DIGITS
        ]
        return [(i, stem) for i, stem in numbered if len(stem) >= LEAST_STEM]

    def words_before(self, start: int) -> list[str]:
        """The last few words before a place, in lower case."""
        before = self.text[max(0, start - 64) : start].lower()
        # A time of day stands between: since 14:30 on Monday.
        return [word for word in _RUN.findall(before) if not word[0].isdigit()][-_NEAR:]

    def is_denied(self, place: int, by: frozenset[str]) -> bool:
        """Whether one of `by` stands a few words before a word, with no mark between them."""
        folded = self.folded
        for i in range(place - 1, max(-1, place - 1 - _DENIED), -1):
            word = folded[i]
            if word in by or (word == "t" and folded[i - 1] in _APOSTROPHES and "not" in by):
                return True
            if word in _ENDS:
                return False
        return False


def standing_after(
    text: Text, found: Iterator[Found], words: frozenset[str], *, limit: int = 64
) -> Iterator[Found]:
    """Those that stand at most two words after one of `words`; all when there are none.

    Args:
        text: the text.
        found: values in it.
        words: in lower case.
        limit: values that are looked at; a text full of them says nothing.
    """
    first = islice(found, limit)
    if not words:
        return first
    return (one for one in first if words.intersection(text.words_before(one.start)))
