"""Where a query may be taken apart: at connectives, punctuation, ends of sentences, list items.

One pass over the text, in which every pattern looks at a character a bounded number of times: the
cost is linear whatever the text is. What is quoted, in brackets or in code stays whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

LONGEST = 4_000
"""Characters of the longest text that is taken apart: four times what an encoder reads of one."""

_PASTED = re.compile(
    r"""(?mx) ^ (?: (?: \t | [ ]{4,} ) (?! [-*•] | \d+[.)] ) \S
                  | [ ]{1,3} (?! [-*•(a-z] | \d+[.)] ) \S
                  | [$>%#][ ]\S )"""
)
"""An indented line that is no item of a list and goes on with no sentence, or a shell's prompt:
code, a trace, what a program wrote. Such a text is one thing to look at, not lines of requests."""

_BEGIN_PASTED = (" ", "\t", "$", ">", "%", "#")
"""How such a line begins."""

MOST_PARTS = 6
"""Parts that are proposed at most. With more, most boundaries end no request, and each part costs
an encoding."""

MOST_BOUNDARIES = 60
"""In a text that is taken apart; one with more is a list or a log, and no few requests."""

FEWEST_WORDS = 2
"""Of a part: hardly a request is one word, and most pleasantries are."""

FOLLOWING = ("after that", "afterwards", "and next", "finally", "then")
"""Words that begin a request that waits for the one before."""

BESIDE = ("additionally", "also", "as well as", "besides")
"""Words that begin one more request."""

WEAK = ("and", "but", "plus")
"""Words between two requests, and as often between two things that one request names."""

NO_END = frozenset(("approx.", "dr.", "etc.", "mr.", "mrs.", "ms.", "no.", "st.", "vs."))
"""Words whose point ends no sentence, beside those with a point inside, such as e.g. and p.m."""

LOOKED_BACK = 12
"""Characters before a point that say what it ends."""

NO_BLANKS = "\u2e80"
"""The first letter of the scripts that write no blanks between words, such as Chinese."""

WIDE_STOPS, WIDE_COMMAS = "\u3002\uff01\uff1f\uff1b", "\uff0c\u3001"
"""Ends and commas of those scripts, after which no blank follows."""

_SPACE = " \t\r\n,;:"
_LIST_ITEM = re.compile(r"(?:[-*•]|\(?\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a query that may be a request of its own.

    Attributes:
        start: where it starts, in code points from 0.
        end: where it ends, exclusive.
        strong: whether what stands before it mostly ends a request; false of the first part.
        follows: whether it is said to wait for what stands before it, as by "then".
    """

    start: int
    end: int
    strong: bool = False
    follows: bool = False

    def of(self, text: str) -> str:
        """What it says."""
        return text[self.start : self.end]

    def to(self, last: "Part") -> "Part":
        """The stretch from this part to a later one."""
        return Part(self.start, last.end, self.strong, self.follows)


class Splitter:
    """Proposes parts; immutable and thread-safe."""

    def __init__(self, connectives: Iterable[str] = ()) -> None:
        """Learns what stands between requests.

        Args:
            connectives: words beside the English ones, lower case, such as "und dann"; each mostly
                ends a request.
        """
        connectives = tuple(connectives)
        words = (*FOLLOWING, *BESIDE, *WEAK, *connectives)
        # To look for these first halves the time.
        first_letters = "".join(sorted({re.escape(word[0]) for word in words}))
        self._pattern = re.compile(
            r"(?P<whole>```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”|\([^()\n]*\))"
            rf"|(?P<stop>[.!?;]+(?=\s|\Z)|[{WIDE_STOPS}]+|\n)"
            rf"|(?P<comma>,(?=\s)|[{WIDE_COMMAS}])"
            rf"|\b(?=[{first_letters}])(?:(?P<following>{_any_of(FOLLOWING)})"
            rf"|(?P<strong>{_any_of((*BESIDE, *connectives))})"
            rf"|(?P<weak>{_any_of(WEAK)}))\b",
            re.IGNORECASE | re.DOTALL,
        )

    def parts(self, text: str) -> tuple[Part, ...]:
        """The parts of `text`, in order, at least two; empty where it may only be taken whole."""
        if len(text) > LONGEST or _is_pasted(text):
            return ()
        pieces = list(islice(self._pieces(text), MOST_BOUNDARIES + 1))
        if not 2 <= len(pieces) <= MOST_BOUNDARIES:
            return ()
        parts = _long_enough(text, pieces)
        if len(parts) > MOST_PARTS:
            parts = _joined(parts)
        return tuple(parts) if 2 <= len(parts) <= MOST_PARTS else ()

    def _pieces(self, text: str) -> Iterator[Part]:
        """The stretches between boundaries, without what marks them; none is blank."""
        start, strong, follows = 0, False, False
        for found in self._pattern.finditer(text):
            kind = found.lastgroup
            if kind == "whole" or (kind == "stop" and _ends_nothing(text, start, found)):
                continue
            # A question keeps its mark; it says that it is one.
            piece = _trimmed(text, start, found.end() if kind == "stop" else found.start())
            if piece:
                yield Part(*piece, strong, follows)
                strong = follows = False
            start = found.end()
            strong = strong or kind not in ("comma", "weak")
            follows = follows or kind == "following"
        if piece := _trimmed(text, start, len(text)):
            yield Part(*piece, strong, follows)


def _is_pasted(text: str) -> bool:
    # Of one line only the beginning counts, which mostly is a letter.
    may_be = "\n" in text or text.startswith(_BEGIN_PASTED)
    return may_be and _PASTED.search(text) is not None


def _any_of(words: Iterable[str]) -> str:
    """A pattern of these, the longest first, with any white space where they have a blank."""
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(r"\s+".join(map(re.escape, one.split())) for one in longest_first)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where a stretch starts and ends without blanks and marks around it; None if that is all."""
    while start < end and text[start] in _SPACE:
        start += 1
    item = _LIST_ITEM.match(text, start, end)
    start = item.end() if item else start
    while end > start and text[end - 1] in _SPACE + ".":
        end -= 1
    return (start, end) if any(map(str.isalnum, text[start:end])) else None


def _ends_nothing(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a point belongs to an abbreviation, or to the number of the list item at `start`."""
    if stop.group() != ".":
        return False
    before = text[max(start, stop.start() - LOOKED_BACK) : stop.end()].lower()
    *_, word = before.split()
    is_number = word == before.strip() and word[:-1].isdigit()
    return is_number or word in NO_END or "." in word[:-1]


def _long_enough(text: str, pieces: Iterable[Part]) -> list[Part]:
    """The pieces, with those that are too short put to the next, the last to the one before."""
    parts: list[Part] = []
    waiting: Part | None = None
    for piece in pieces:
        part = waiting.to(piece) if waiting else piece
        waiting = None if _is_long(part.of(text)) else part
        if waiting is None:
            parts.append(part)
    if waiting and parts:
        parts[-1] = parts[-1].to(waiting)
    return parts


def _is_long(said: str) -> bool:
    if len(said.split(None, FEWEST_WORDS)) >= FEWEST_WORDS:
        return True
    return max(said) >= NO_BLANKS and len(said) > FEWEST_WORDS


def _joined(parts: Sequence[Part]) -> list[Part]:
    """The parts with only strong boundaries between them."""
    joined: list[Part] = []
    for part in parts:
        if joined and not part.strong:
            joined[-1] = joined[-1].to(part)
        else:
            joined.append(part)
    return joined
