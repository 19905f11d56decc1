"""Files that are whole or absent: hashes, and writes that survive a crash at any moment."""

import hashlib
import io
import os
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np

READING_ARRAYS = threading.Lock()
"""Held while numpy reads an array's header: it does so by Python's own parser, which in 3.11 keeps
its depth where all threads share it, so that two at a time may end in a SystemError (CPython issue
106905)."""


def sha256_hex(content: bytes) -> str:
    """SHA-256 of `content` as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def as_npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array as a .npy file, without pickle."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def write_durably(path: Path, content: bytes) -> None:
    """Writes a new file and returns when it is on disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Replaces a file: at any moment, a crash included, it has the old content or the new.

    One writer at a time.
    """
    aside = path.with_name(f".{path.name}.new")  # one name, so that a crash leaves one at most
    aside.unlink(missing_ok=True)
    write_durably(aside, content)
    aside.replace(path)
    sync_folder(path.parent)


def open_lock(path: Path) -> IO[bytes]:
    """Opens a file to be locked, which is made if need be; raises OSError where it is a link.

    Nothing is cut off: in a folder of a stranger the name may lead to somebody's file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o644), "r+b", buffering=0)


def sync_file(path: Path) -> None:
    """Returns when a file's content is on disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Returns when the folder's entries are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
