"""Arrays from files of a stranger: a header is believed only if it fits what follows it.

numpy would make room for whatever shape a header claims, and inflate what an .npz holds, without
end in sight.
"""

import io
import math
import zipfile
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from waypost_server.adapters.files import READING_ARRAYS

NUMBERS = "fi"
"""Kinds of types that our files have: numbers with a point and without."""


def read_npy(content: bytes) -> npt.NDArray[Any]:
    """The array of a .npy file, not to be written to; raises ValueError."""
    file = io.BytesIO(content)
    try:
        with READING_ARRAYS:
            version = np.lib.format.read_magic(file)
            read = _HEADERS[version]
            shape, in_columns, dtype = read(file)
    except Exception as error:  # noqa: BLE001  (a header is parsed as Python, and fails as it does)
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"it has no header of an array: {said}") from None
    if dtype.kind not in NUMBERS or dtype.hasobject or in_columns:
        raise ValueError(f"it holds {str(dtype)[:80]}, not rows of numbers")
    start = file.tell()
    if any(length < 0 for length in shape) or (
        math.prod(shape) * dtype.itemsize != len(content) - start
    ):
        raise ValueError(
            f"its header says {dtype} of shape {str(shape)[:80]}, but {len(content) - start:,} "
            "bytes follow"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def read_npz(content: bytes, names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file that has these and no others, not packed; raises ValueError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(
                f"{name}.npy" for name in names
            ):
                raise ValueError(f"it does not hold {', '.join(sorted(names))}")
            if any(
                entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(content)
                for entry in entries
            ):
                raise ValueError("it is packed")
            return {entry.filename[:-4]: read_npy(archive.read(entry)) for entry in entries}
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise ValueError(f"it is no .npz file: {error}") from None


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
