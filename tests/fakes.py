"""Doubles for core's ports."""

import hashlib
from collections.abc import Sequence

import numpy as np

from waypost_server.core.ports import Encodings, Neighbours, Rows, Vectors

INNER = 24
"""Length of an inner vector."""


class HashEncoder:
    """A text's vector is the sum of its words', so texts that share words are near each other.

    Its inner vector counts its letters, so that it differs from text to text and is no unit vector
    of round numbers.

    Attributes:
        encoded: every text that it was given, in order.
    """

    def __init__(self, *, dimension: int = 64, name: str = "hash") -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(f"{name} {dimension}".encode()).hexdigest()
        self.dimension = dimension
        self.width = dimension + INNER
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.encoded.extend(texts)
        if not texts:
            return np.empty((0, self.width), dtype=np.float32)
        return np.stack([np.hstack([self._vector(text), _letters(text)]) for text in texts])

    def _vector(self, text: str) -> Vectors:
        words = text.casefold().split() or [""]
        total = np.sum([self._word(word) for word in words], axis=0)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    def _word(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        return np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)


def _letters(text: str) -> Vectors:
    counts = np.bincount([ord(letter) % INNER for letter in text], minlength=INNER) + 1
    return np.asarray(counts / np.linalg.norm(counts), dtype=np.float32)


class ExactIndex:
    """Compares all; implements core's ExemplarIndex."""

    is_far = False

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    @property
    def size(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def rows(self, wanted: slice | Rows) -> Vectors:
        return self.vectors[wanted]

    def blocks(self, wanted: Sequence[slice]) -> Sequence[Vectors]:
        return [self.rows(each) for each in wanted]

    def search(self, vector: Vectors, k: int) -> Neighbours:
        cosines = self.vectors @ vector
        rows = np.argsort(-cosines, kind="stable")[:k]
        return Neighbours(rows, cosines[rows])
