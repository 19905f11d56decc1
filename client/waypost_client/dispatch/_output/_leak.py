"""Passages of a system prompt in an answer, whatever their case, punctuation and line breaks."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

_WORDS = 12
_CHARACTERS = 80
"""The same, where words are not parted by blanks: about as much text as twelve words."""
_PROMPTS = 64
"""Prompts whose passages are kept: a table's worth of specialists."""

_WORD = re.compile(r"\w+")
# Thai, Lao, Burmese, Khmer, kana, Han: scripts without blanks between words.
_CHARACTER = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


class _Passages:
    """Runs of `size` tokens that a prompt has.

    Args:
        prompt: the prompt.
        token: what a token is.
        size: tokens of the shortest passage.
    """

    def __init__(self, prompt: str, token: re.Pattern[str], size: int) -> None:
        tokens = _folded(token.findall(prompt))
        self._token = token
        self._size = size
        self._stride = (size + 1) // 2
        self._long = _runs(tokens, size)
        # Every passage has such a run at one of the text's multiples of the stride.
        self._short = _runs(tokens, size - self._stride + 1)
        self._first = frozenset(tokens)
        self._pairs = frozenset(pairwise(tokens))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where a text repeats the prompt: maximal, in characters, from left to right."""
        if not self._long:
            return []
        tokens = _folded(self._token.findall(text))
        runs: list[list[int]] = []
        for start in self._starts(tokens):
            if tuple(tokens[start : start + self._size]) in self._long:
                if not runs or start >= runs[-1][1]:
                    runs.append([start, start])
                runs[-1][1] = start + self._size
        if not runs:
            return []
        where = [found.span() for found in self._token.finditer(text)]
        return [(where[start][0], where[end - 1][1]) for start, end in runs]

    def _starts(self, tokens: Sequence[str]) -> Iterator[int]:
        """Tokens at which a passage may start, ascending."""
        size = self._size - self._stride + 1
        for at in range(0, len(tokens) - size + 1, self._stride):
            if tuple(tokens[at : at + size]) in self._short:
                yield from range(max(0, at - self._stride + 1), at + 1)

    def unfinished_from(self, text: str) -> int:
        """The first character that may belong to a passage which the end of a text cuts off."""
        if not self._long:
            return len(text)
        where = [found.span() for found in self._token.finditer(text)]
        tokens = _folded([text[start:end] for start, end in where])
        kept = len(where)
        # A last token that touches the end may become any other one.
        if where and where[-1][1] == len(text) and self._token is _WORD:
            kept -= 1
        first = kept
        while first > max(0, kept - self._size + 1) and self._follows(tokens, first - 1, kept):
            first -= 1
        return where[first][0] if first < len(where) else len(text)

    def _follows(self, tokens: Sequence[str], index: int, end: int) -> bool:
        if index + 1 == end:
            return tokens[index] in self._first
        return (tokens[index], tokens[index + 1]) in self._pairs


class Leaks:
    """Finds passages of a prompt: 12 words, or 80 characters of a script without blanks."""

    def __init__(self, prompt: str) -> None:
        self._passages = (
            _Passages(prompt, _WORD, _WORDS),
            _Passages(prompt, _CHARACTER, _CHARACTERS),
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where a text repeats the prompt, in characters; spans may overlap."""
        return [span for passages in self._passages for span in passages.spans(text)]

    def unfinished_from(self, text: str) -> int:
        """The first character that may belong to a passage which the end of a text cuts off."""
        return min(passages.unfinished_from(text) for passages in self._passages)


@lru_cache(maxsize=_PROMPTS)
def leaks_of(prompt: str) -> Leaks:
    """Finds passages of a prompt; the same object for the same prompt."""
    return Leaks(prompt)


def _folded(tokens: list[str]) -> list[str]:
    return [
        token.lower()
        if token.isascii()
        else unicodedata.normalize("NFKC", token.casefold()).casefold()
        for token in tokens
    ]


def _runs(tokens: Sequence[str], size: int) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1))
