"""The files of one bundle, believed only when their hashes are the manifest's."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from waypost_server.adapters.files import READING_ARRAYS
from waypost_server.adapters.plain_file import open_plain, read_plain
from waypost_server.core.errors import BundleError

MANIFEST = "manifest.json"

MAX_MANIFEST = 2**20
"""Bytes of a manifest; ours have a few thousand."""

MAX_JSON = 32 * 2**20
"""Bytes of a file that is parsed whole; 10,000 routes without prompts have 8 million, which take a
second."""


def is_parsed_whole(name: str) -> bool:
    """Whether a file of that name is JSON, so that MAX_JSON holds."""
    return name.endswith(".json")


class BundleFiles:
    """The files in a bundle's folder; reading one raises BundleError unless it is intact."""

    def __init__(self, folder: Path, hashes: Mapping[str, str]) -> None:
        self.folder = folder
        self._hashes = hashes

    @property
    def names(self) -> Collection[str]:
        """All that belong to the bundle, but for the manifest."""
        return self._hashes.keys()

    def content(self, name: str) -> bytes:
        """What a file holds."""
        most = MAX_JSON if is_parsed_whole(name) else -1
        content = read(self.folder / name, most=most)
        self._compare(name, hashlib.sha256(content).hexdigest())
        return content

    def path(self, name: str) -> Path:
        """Where a file is, to be mapped; its hash is taken without keeping it in memory."""
        path = self.folder / name
        try:
            with open_plain(path) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from None
        self._compare(name, found)
        return path

    def array(
        self, name: str, rows: int, *, mapped: bool = False
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """The array of so many rows in a .npy file, mapped from disk or read and found finite."""
        path = self.path(name)
        try:
            with READING_ARRAYS:
                found: npt.NDArray[Any] = np.load(
                    path, mmap_mode="r" if mapped else None, allow_pickle=False
                )
        except Exception as error:  # noqa: BLE001  (numpy raises what its parsers raise)
            raise BundleError(f"{path}: cannot be read: {error}; build again") from None
        if found.ndim != 2 or found.dtype.kind != "f":
            raise BundleError(f"{path}: it holds no table of numbers; build again")
        if len(found) != rows or not (mapped or np.isfinite(found).all()):
            raise BundleError(
                f"{path}: it holds {len(found)} rows, wanted {rows} of finite numbers; build again"
            )
        return found.view(np.ndarray)

    def _compare(self, name: str, found: str) -> None:
        wanted = self._hashes.get(name)
        if found != wanted:
            raise BundleError(
                f"{self.folder / name}: its SHA-256 is {found}, but {MANIFEST} says {wanted}; "
                "build again"
            )


def read(path: Path, *, most: int = -1) -> bytes:
    """The content of a bundle's file, of at most so many bytes if any; raises BundleError."""
    try:
        return read_plain(path, most=most)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(f"{path}: {error.strerror}; build again")
