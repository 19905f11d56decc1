"""What the processes of a server keep together, so that any of them tells for all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

MEMORY = "/dev/shm"  # noqa: S108  (a folder of our own is made in it, for us alone)
"""A full disk would kill whoever writes to a file by way of memory, as the counters are written."""


class CommonFolder:
    """Their counters, figures and pulses, a few files for each place among them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def made(cls) -> Iterator[Self]:
        """An empty one, gone at the end."""
        where = MEMORY if os.access(MEMORY, os.W_OK) else None
        with tempfile.TemporaryDirectory(
            prefix="waypost-", dir=where, ignore_cleanup_errors=True
        ) as folder:
            yield cls(Path(folder))

    def forget(self, place: int) -> None:
        """Forgets what was true of a process that ended; what it counted stays."""
        for name in (f"gauge_live*_{place}.db", f"pulse_{place}"):
            for path in self.path.glob(name):
                path.unlink(missing_ok=True)
