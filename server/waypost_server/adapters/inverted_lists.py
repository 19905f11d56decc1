"""Large tables in FAISS: lists of vectors that are near each other, as codes of half a byte a pair.

A search looks into the lists whose centres are nearest to the query. The codes are coarse and only
nominate candidates, which are then compared by their stored vectors. At 1,000,000 exemplars that
takes a third of the time of 8-bit codes at the same recall, and a quarter of their memory; a graph
(HNSW) of so many would be a quarter of an hour in the making. See `make bench-growth`.
"""

from typing import Any

import faiss
import numpy as np

from waypost_server.core.ports import Rows, Vectors

LISTS_PER_ROOT = 2
"""Lists, in units of the square root of the exemplars: 2,000 of a million; to assign exemplars to
them is most of a build."""

TAUGHT_PER_LIST = 32
"""Exemplars that the centre of a list is fitted on: with these a million are built in a minute."""

ROUNDS = 8
"""Of k-means, of which FAISS would make 25: likewise for the sake of the build."""

CODE_BITS = 4
BLOCK = 32
"""Codes that FAISS looks up with one instruction."""

PROBED = 80
"""Lists that a search looks into: recall at 10 is 0.995 at 1,000,000, and no lower below."""

CANDIDATES = 256
"""Exemplars that the codes nominate; with 128 recall is lower by up to 0.001."""

ADDED_AT_ONCE = 65_536

FEWEST = 16
"""Exemplars that codes can be fitted on, one for each value of a code."""


def build_lists(vectors: Vectors) -> Any:  # noqa: ANN401  (FAISS has no types)
    """A FAISS index of vectors of shape (n, dimension), n at least `FEWEST`."""
    count, dimension = vectors.shape
    lists = max(1, int(LISTS_PER_ROOT * count**0.5))
    pairs = dimension // 2 if dimension % 2 == 0 else dimension
    index = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dimension),
        dimension,
        lists,
        pairs,
        CODE_BITS,
        faiss.METRIC_INNER_PRODUCT,
        BLOCK,
    )
    index.by_residual = False  # so that one look-up table does for all lists
    index.cp.niter = ROUNDS
    index.cp.spherical = True
    for clustering in (index.cp, index.pq.cp):
        clustering.min_points_per_centroid = 1  # fewer than FAISS likes are no fault
    index.cp.max_points_per_centroid = count  # no sampling by FAISS: ours is even
    # Several threads would add up in an order of their own at each build.
    faiss.omp_set_num_threads(1)
    # Rows of a route stand side by side: an even choice has its share of every route.
    taught = min(count, max(FEWEST, TAUGHT_PER_LIST * lists))
    index.train(_plain(vectors[np.linspace(0, count - 1, taught).astype(np.int64)]))
    for start in range(0, count, ADDED_AT_ONCE):
        index.add(_plain(vectors[start : start + ADDED_AT_ONCE]))
    return index


def candidates(index: Any, vector: Vectors, k: int) -> Rows:  # noqa: ANN401  (FAISS has no types)
    """Rows that are likely to be among the k nearest to a vector of shape (dimension,)."""
    parameters: Any = faiss  # its stubs lack what SWIG generates
    wanted = max(CANDIDATES, 2 * k)
    if wanted >= index.ntotal:
        return np.arange(index.ntotal)
    _, rows = index.search(
        _plain(vector[np.newaxis]),
        wanted,
        params=parameters.SearchParametersIVF(nprobe=PROBED),
    )
    found: Rows = np.sort(rows[0][rows[0] >= 0])  # in order of their place on disk
    return found


def _plain(vectors: Vectors) -> Vectors:
    return np.ascontiguousarray(vectors, dtype=np.float32)
