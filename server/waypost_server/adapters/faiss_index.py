"""The exemplar index on FAISS."""

from functools import cached_property
from typing import Any

import faiss
import numpy as np

from waypost_server.core.errors import BundleError
from waypost_server.core.ports import Neighbours, Vectors

EXACT_UP_TO = 10_000
"""Exemplars from which HNSW answers faster than comparing all of them; see `make bench`."""

HNSW_LINKS = 32
HNSW_EF_CONSTRUCTION = 200
HNSW_EF_SEARCH = 256
"""Wide enough for a recall of 0.99 at 64 neighbours on sentence vectors; see the unit test."""


class FaissIndex:
    """Inner product over unit vectors, that is cosine; implements core's ExemplarIndex."""

    def __init__(self, index: Any) -> None:  # noqa: ANN401  (FAISS has no types)
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors, *, exact_up_to: int = EXACT_UP_TO) -> "FaissIndex":
        """An index of vectors of shape (n, dimension): exact while n is at most `exact_up_to`."""
        count, dimension = vectors.shape
        index: Any
        if count <= exact_up_to:
            index = faiss.IndexFlatIP(dimension)
        else:
            index = faiss.IndexHNSWFlat(dimension, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        # Several threads would link the graph in an order of their own at each build.
        faiss.omp_set_num_threads(1)
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, content: bytes) -> "FaissIndex":
        """The index that `to_bytes` wrote; raises BundleError when it is none."""
        try:
            return cls(faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8)))
        except RuntimeError:
            raise BundleError("exemplars.faiss is not a FAISS index; build again") from None

    def to_bytes(self) -> bytes:
        """The index in FAISS's own format."""
        return bytes(faiss.serialize_index(self._index))

    @property
    def size(self) -> int:
        """How many exemplars it holds."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def rows(self, rows: slice) -> Vectors:
        """Some of the vectors, row for row."""
        return self.vectors[rows]

    @property
    def exact(self) -> bool:
        """Whether every exemplar is compared."""
        return not isinstance(self._index, faiss.IndexHNSW)

    @cached_property
    def vectors(self) -> Vectors:
        """The vectors as added, shape (size, dimension); FAISS's own memory, not to be written."""
        flat: Any = self._index if self.exact else faiss.downcast_index(self._index.storage)
        borrowed: Vectors = faiss.rev_swig_ptr(flat.get_xb(), self.size * self._index.d)
        vectors = np.asarray(_Owned(borrowed, self._index)).reshape(self.size, self._index.d)
        vectors.flags.writeable = False
        return vectors

    def search(self, vector: Vectors, k: int) -> Neighbours:
        """The min(k, size) nearest exemplars of a vector of shape (dimension,)."""
        k = min(k, self.size)
        if k == 0:
            return Neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        query = np.ascontiguousarray(vector, dtype=np.float32)[np.newaxis]
        params = None if self.exact else _search_width(k)
        similarities, rows = self._index.search(query, k, params=params)
        found = rows[0] >= 0
        return Neighbours(rows[0][found], similarities[0][found])


class _Owned:
    """An array of FAISS's memory that keeps the index alive: without its index it would dangle."""

    def __init__(self, borrowed: Vectors, index: Any) -> None:  # noqa: ANN401  (FAISS has no types)
        self.__array_interface__ = borrowed.__array_interface__
        self._index = index


def _search_width(k: int) -> Any:  # noqa: ANN401  (FAISS has no types)
    parameters: Any = faiss  # its stubs lack what SWIG generates
    return parameters.SearchParametersHNSW(efSearch=max(k, HNSW_EF_SEARCH))
