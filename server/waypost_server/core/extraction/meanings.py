"""Values by the meaning of words: what no list has, but stands near one of a list's words.

Each word of the text, and each two in a row, is compared with all words of the list by the vectors
of a static encoder, which knows words and not sentences: aircraft is near plane.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from waypost_server.core.extraction.text import Text
from waypost_server.core.ports import Encoder, Vectors

MARGIN = 0.05
"""By which the best value must be nearer than the next."""

MOST = 48
"""Words that are compared, the first ones: what is asked for stands in few."""

_COMPARED = re.compile(r"[^\W\d_][\w-]*")

_ARTICLES = "a an the of to in on for and or at by from as with without so if than then not no"
_PRONOUNS = "we our us i my me it its you your he she they them their this that these those there"
_VERBS = "is am are be was were been do does did would should could can will may have has had"
_OTHERS = "how what which who where when why every some any one two please"
_TELLS_NOTHING = frozenset(f"{_ARTICLES} {_PRONOUNS} {_VERBS} {_OTHERS}".split())


class Meanings:
    """The words of a list as vectors, made once.

    Args:
        synonyms: words and phrases by value.
        encoder: a static encoder, of which a word takes some microseconds.
        least: cosine of a word of the text and one of the list, from 0 to 1, from which a value
            is believed.
    """

    def __init__(
        self, synonyms: Mapping[str, Sequence[str]], *, encoder: Encoder, least: float
    ) -> None:
        self._values = [value for value, phrases in synonyms.items() if phrases]
        self._encoder = encoder
        self._least = least
        lists = [list(synonyms[value]) for value in self._values]
        self._starts = np.cumsum([0, *map(len, lists)])[:-1]
        self._rows = self._encode([phrase for phrases in lists for phrase in phrases])

    def nearest(self, text: Text) -> str | None:
        """The value that a word of the text is near enough to; None where none stands out."""
        words = [
            word
            for word in dict.fromkeys(_COMPARED.findall(text.text.lower()))
            if word not in _TELLS_NOTHING
        ][:MOST]
        if not words or not self._values:
            return None
        alone = self._encode(words)
        pairs = alone[:-1] + alone[1:]
        pairs /= np.maximum(np.linalg.norm(pairs, axis=1, keepdims=True), np.float32(1e-9))
        best = (np.concatenate([alone, pairs]) @ self._rows.T).max(axis=0)
        of_values = np.maximum.reduceat(best, self._starts)
        first = int(of_values.argmax())
        others = np.delete(of_values, first)
        stands_out = not others.size or of_values[first] - others.max() >= MARGIN
        return self._values[first] if of_values[first] >= self._least and stands_out else None

    def _encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension); no texts make no rows."""
        if not texts:
            return np.zeros((0, self._encoder.dimension), dtype=np.float32)
        return self._encoder.encode(texts)[:, : self._encoder.dimension]
