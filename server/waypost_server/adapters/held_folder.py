"""Folders that somebody reads still: a lock on each, which goes with the process."""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def hold_while(owner: object, folder: Path) -> None:
    """Holds a folder for as long as `owner` lives; on systems without such locks, not at all."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(owner, os.close, descriptor).atexit = False
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def unless_held(folder: Path) -> Iterator[bool]:
    """Whether nobody on this machine holds a folder; nobody can until the block ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    except OSError:  # a file system without such locks: nobody can hold anything there
        free = True
    try:
        yield free
    finally:
        os.close(descriptor)
