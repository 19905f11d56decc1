"""An index as files: FAISS's own, and for a large one the vectors beside it.

`vectors.npy` is mapped, so that servers on one machine share what they read of it, and only what
queries touch is in memory.
"""

from waypost_server.adapters.bundle_files import BundleFiles
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.files import as_npy
from waypost_server.core.errors import BundleError
from waypost_server.core.ports import Vectors

INDEX = "exemplars.faiss"
VECTORS = "vectors.npy"


def write_index(vectors: Vectors, prefix: str = "") -> tuple[FaissIndex, dict[str, bytes]]:
    """An index of vectors of shape (n, dimension), and its files by name, each with a prefix."""
    index = FaissIndex.build(vectors)
    files = {prefix + INDEX: index.to_bytes()}
    if index.halves is not None:
        files[prefix + VECTORS] = as_npy(index.halves)
    return index, files


def read_index(files: BundleFiles, rows: int, prefix: str = "") -> FaissIndex:
    """The index of so many exemplars that `write_index` wrote; raises BundleError."""
    halves = None
    if prefix + VECTORS in files.names:
        halves = files.array(prefix + VECTORS, rows, mapped=True)
    index = FaissIndex.from_bytes(files.content(prefix + INDEX), halves)
    if index.size != rows:
        raise BundleError(
            f"{files.folder}: {prefix + INDEX} holds {index.size} vectors, but there are {rows} "
            "exemplars; build again"
        )
    return index
