"""Doubles for core's ports."""

import hashlib
from collections.abc import Sequence

import numpy as np

from waypost_server.core.ports import Vectors


class HashEncoder:
    """A text's vector is the sum of its words', so texts that share words are near each other.

    Attributes:
        encoded: every text that it was given, in order.
    """

    def __init__(self, *, dimension: int = 64, name: str = "hash") -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(f"{name} {dimension}".encode()).hexdigest()
        self.dimension = dimension
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded.extend(texts)
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        words = text.casefold().split() or [""]
        total = np.sum([self._word(word) for word in words], axis=0)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    def _word(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        return np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
