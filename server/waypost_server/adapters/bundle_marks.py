"""Which versions are aside, refused or only tried: a file beside each, for bundles never change.

A version without one went live, or was built before there were marks.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from waypost_server.adapters.files import replace_durably
from waypost_server.adapters.plain_file import read_plain

SUFFIX = ".aside"
TRIED = "tried"
REFUSED = "refused"

MAX_BYTES = 2**20
"""Of a mark: thousands of problems."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That a version was refused, or built to be tried, and has not been live since.

    Attributes:
        refused: why the gate refused it, a sentence each; empty if it did not.
    """

    refused: tuple[str, ...] = ()


class BundleMarks:
    """The marks of the versions in one folder; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, version: str) -> Mark | None:
        """A version's mark, if it has one; one that cannot be read says that it was refused."""
        path = self._path(version)
        try:
            lines = read_plain(path, most=MAX_BYTES).decode(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            return Mark((f"{path}: cannot be read: {error.strerror}",))
        if lines == [TRIED]:
            return Mark()
        problems = tuple(line for line in lines[1:] if line.strip())
        if lines[:1] == [REFUSED] and problems:
            return Mark(problems)
        return Mark((f"{path}: it is damaged; build again",))

    def put(self, version: str, mark: Mark) -> None:
        """Marks a version; raises OSError."""
        problems = [" ".join(problem.split()) for problem in mark.refused]
        lines = [REFUSED, *problems] if problems else [TRIED]
        replace_durably(self._path(version), "".join(f"{line}\n" for line in lines).encode())

    def lift(self, version: str) -> None:
        """Takes a version's mark away, if it has one."""
        self._path(version).unlink(missing_ok=True)

    def clean(self, versions: Collection[str]) -> None:
        """Removes the marks of all but these versions, and what a killed writer left."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.stem not in versions:
                path.unlink(missing_ok=True)
        for path in self._folder.glob(f".*{SUFFIX}.new"):
            path.unlink(missing_ok=True)

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}{SUFFIX}"
