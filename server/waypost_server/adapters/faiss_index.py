"""The exemplar index on FAISS."""

import struct
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any

import faiss
import numpy as np

from waypost_server.adapters.inverted_lists import build_lists, candidates
from waypost_server.core.errors import BundleError
from waypost_server.core.halves import Halves, halve, widen
from waypost_server.core.ports import Neighbours, Rows, Vectors

EXACT_UP_TO = 20_000
"""Exemplars up to which all are compared, in two to four milliseconds, and where routes are small,
never; lists take seconds to build."""


_EXACT, _LISTS = b"IxFI", b"IwPf"
"""How FAISS marks the two kinds of index that a bundle has."""

_FLAT = struct.Struct("<4siq16x?iQ")
"""What stands before a flat index's vectors: its mark, their length and number, whether it is
trained, the metric, and how many numbers follow."""


class IndexKind(StrEnum):
    """How neighbours are found, as the manifest names it."""

    EXACT = "exact"
    LISTS = "ivf_pq"


class FaissIndex:
    """Inner product over unit vectors, that is cosine; implements core's ExemplarIndex.

    While it is small, it compares all and holds the vectors itself. A large one has inverted lists,
    and beside them the vectors at half size, which may stay on disk: a search reads few of them.
    """

    is_far = False

    def __init__(
        self,
        index: Any,  # noqa: ANN401  (FAISS has no types)
        halves: Halves | None = None,
    ) -> None:
        self._index = index
        self.halves = halves
        # Each look into FAISS takes a microsecond, and a decision asks a dozen times.
        self._size, self._dimension = int(index.ntotal), int(index.d)

    @classmethod
    def build(cls, vectors: Vectors, *, exact_up_to: int = EXACT_UP_TO) -> "FaissIndex":
        """An index of vectors of shape (n, dimension): exact while n is at most `exact_up_to`."""
        if len(vectors) > exact_up_to:
            return cls(build_lists(vectors), halve(vectors))
        index: Any = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, content: bytes, halves: Halves | None = None) -> "FaissIndex":
        """The index that `to_bytes` wrote; raises BundleError when it is none.

        Args:
            content: what it wrote.
            halves: the vectors at half size, shape (n, dimension), of a large one.
        """
        if not _may_be_read(content, is_flat=halves is None):
            raise BundleError("exemplars.faiss is not a FAISS index of ours; build again")
        try:
            index = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        except RuntimeError:
            index = None
        wanted = faiss.IndexFlatIP if halves is None else faiss.IndexIVFPQFastScan
        if not isinstance(index, wanted) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise BundleError("exemplars.faiss is not a FAISS index of ours; build again")
        shape = (index.ntotal, index.d)
        if halves is not None and (halves.shape != shape or halves.dtype != np.float16):
            raise BundleError(
                f"exemplars.faiss holds vectors of the shape {shape}, but beside it are "
                f"{halves.dtype} of {halves.shape}; build again"
            )
        return cls(index, halves)

    def to_bytes(self) -> bytes:
        """The index in FAISS's own format, without `halves`."""
        return bytes(faiss.serialize_index(self._index))

    @property
    def size(self) -> int:
        """How many exemplars it holds."""
        return self._size

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    @property
    def kind(self) -> IndexKind:
        """Exact when every exemplar is compared."""
        return IndexKind.EXACT if self.halves is None else IndexKind.LISTS

    def rows(self, wanted: slice | Rows) -> Vectors:
        """The vectors of some exemplars, shape (how many, dimension).

        A slice of an exact index is FAISS's own memory, not to be written; all else is a copy.
        """
        return self._vectors[wanted] if self.halves is None else widen(self.halves[wanted])

    def blocks(self, wanted: Sequence[slice]) -> Sequence[Vectors]:
        """`rows` of several slices."""
        return [self.rows(each) for each in wanted]

    def search(self, vector: Vectors, k: int) -> Neighbours:
        """The min(k, size) nearest exemplars of a vector of shape (dimension,)."""
        k = min(k, self.size)
        if k == 0:
            return Neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        query = np.ascontiguousarray(vector, dtype=np.float32)
        if self.halves is None:
            similarities, rows = self._index.search(query[np.newaxis], k)
            found = rows[0] >= 0
            return Neighbours(rows[0][found], similarities[0][found])
        likely = candidates(self._index, query, k)
        cosines = self.rows(likely) @ query
        nearest = np.argsort(-cosines, kind="stable")[:k]
        return Neighbours(likely[nearest], cosines[nearest])

    @cached_property
    def _vectors(self) -> Vectors:
        """The vectors of an exact index, in FAISS's own memory."""
        borrowed: Vectors = faiss.rev_swig_ptr(self._index.get_xb(), self.size * self.dimension)
        vectors = np.asarray(_Owned(borrowed, self._index)).reshape(self.size, self.dimension)
        vectors.flags.writeable = False
        return vectors


def _may_be_read(content: bytes, *, is_flat: bool) -> bool:
    """Whether FAISS may parse it: of its dozens of formats, some of which name files, ours alone.

    The format of a flat index is all looked at: FAISS's parser is C++, and believes what it reads.
    """
    if not is_flat:
        return content[:4] == _LISTS
    if len(content) < _FLAT.size:
        return False
    kind, dimension, count, trained, metric, length = _FLAT.unpack_from(content)
    return bool(
        kind == _EXACT
        and dimension > 0
        and trained
        and metric == faiss.METRIC_INNER_PRODUCT
        and length == count * dimension
        and len(content) == _FLAT.size + 4 * length
    )


class _Owned:
    """An array of FAISS's memory that keeps the index alive: without its index it would dangle."""

    def __init__(self, borrowed: Vectors, index: Any) -> None:  # noqa: ANN401  (FAISS has no types)
        self.__array_interface__ = borrowed.__array_interface__
        self._index = index
