"""What the letters of a text say: a linear head over short runs of characters, by their hashes.

An encoder knows what a text is about; runs of letters know the words that attacks are made of, in
languages too that the encoder reads as noise. The hashes take the place of a vocabulary.
Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning (2009).
"""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import numpy.typing as npt

from waypost_server.core.plain_text import plain, undisguised

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint32]

_BITS = np.uint32(15)
BUCKETS = 1 << 15
LONGEST = 4_000
"""Characters of a text that are read: of more, each says next to nothing."""

_FACTORS = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F], dtype=np.uint32)
"""Large odd numbers (of xxHash and MurmurHash3), so that places in a run count differently."""

_MIX = np.uint32(0x2C1B3C6D)
_TOP, _IN_BUCKETS = np.uint32(31), np.uint32(BUCKETS - 1)


@dataclass(frozen=True, eq=False)
class LetterHead:
    """Logits of an attack from runs of letters.

    Attributes:
        weights: by bucket, shape (BUCKETS,).
        bias: of a text that says nothing.
    """

    weights: Floats
    bias: float

    @cached_property
    def _signed(self) -> Floats:
        """Weights of runs that count against theirs, and then of those that count for it."""
        return np.concatenate([-self.weights, self.weights])

    def logit(self, text: str) -> float:
        """Of an attack, of a text or a part of one."""
        hashes = _hashes(text)
        places = (hashes & _IN_BUCKETS) | (hashes >> _TOP << _BITS)
        return float(self._signed[places].sum()) / sqrt(max(1, len(hashes))) + self.bias


def letters_of(text: str) -> tuple[npt.NDArray[np.int64], Floats]:
    """The buckets of a text's runs and what each counts: a vector of length 1, but for collisions.

    A run counts once however often it stands there, for or against its bucket's weight as a bit of
    its hash says, so that runs that share a bucket do not add up.
    """
    hashes = _hashes(text)
    signs = np.where(hashes >> _TOP, np.float32(1), np.float32(-1))
    values: Floats = (signs / sqrt(max(1, len(hashes)))).astype(np.float32)
    return (hashes & _IN_BUCKETS).astype(np.int64), values


def _hashes(text: str) -> Hashes:
    """Of a text's runs of three and of four characters, each once, in ascending order."""
    found = plain(text[:LONGEST])
    meant = undisguised(found) or found
    codes = np.frombuffer(f" {meant.text} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    if len(codes) < 3:
        return np.empty(0, dtype=np.uint32)
    three = codes[:-2] * _FACTORS[0] + codes[1:-1] * _FACTORS[1] + codes[2:] * _FACTORS[2]
    four = three[:-1] + codes[3:] * _FACTORS[3]
    hashes = np.concatenate([three + np.uint32(3), four + np.uint32(4)])
    hashes ^= hashes >> np.uint32(15)
    hashes *= _MIX
    hashes ^= hashes >> np.uint32(13)
    hashes.sort()
    first = np.empty(len(hashes), dtype=np.bool_)
    first[0] = True
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first]
