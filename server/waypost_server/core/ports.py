"""What core needs of the world: an adapter implements a port with one library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Unit vectors as rows, shape (n, dimension); or one, shape (dimension,)."""

Encodings = npt.NDArray[np.float32]
"""What an encoder makes of texts, shape (n, width): in each row the unit vector, which the index
compares, and then the inner vector, which only the head reads."""

Rows = npt.NDArray[np.int64]
"""Row numbers of exemplars in the bundle's table."""


class Encoder(Protocol):
    """Turns texts into unit vectors, so that cosine is a dot product.

    Beside its last layer's vector an encoder may give one of an inner layer, which knows more of
    the words and less of the gist; the head is right more often with both.
    """

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """Hex hash of all that vectors depend on, from the model's file to the query prefix."""

    @property
    def dimension(self) -> int:
        """Length of the unit vector."""

    @property
    def width(self) -> int:
        """Length of an encoding: of the unit vector and the inner vector, if there is one."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width).

        A text's encoding does not depend on the texts it is encoded with. Thread-safe.
        """


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The exemplars nearest to a query, nearest first: rows and cosines, each of shape (k,)."""

    rows: Rows
    similarities: Vectors


class ExemplarIndex(Protocol):
    """Finds the exemplars nearest to a vector."""

    @property
    def size(self) -> int:
        """How many exemplars it holds."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def is_far(self) -> bool:
        """Whether it may take a network's time, so that nothing else must wait for it."""

    def rows(self, wanted: slice | Rows) -> Vectors:
        """The vectors of some exemplars, shape (how many, dimension), not to be written.

        A slice of a small index is no copy; a large one keeps its vectors on disk, and makes as
        many of them as are wanted.
        """

    def blocks(self, wanted: Sequence[slice]) -> Sequence[Vectors]:
        """`rows` of several slices, with the network's time of one where there is a network."""

    def search(self, vector: Vectors, k: int) -> Neighbours:
        """The min(k, size) nearest exemplars of a vector of shape (dimension,). Thread-safe.

        A large index finds nearly all of them, and may find fewer.
        """


class PatternSet(Protocol):
    """Regular expressions that are looked for together."""

    def matching(self, text: str) -> Sequence[int]:
        """Positions of the expressions that match somewhere in `text`.

        Takes time linear in the text, whatever the expressions; never raises; thread-safe.
        """

    def find(self, text: str) -> Sequence[tuple[int, int, int]]:
        """For each expression that matches: its position among them, and where its first match is.

        Where is in characters of `text`, the end exclusive; in the order of the positions.
        Otherwise as `matching`.
        """
