"""The file of examples that wait for a person: a line of JSON each, in the order they came.

What was looked at stays as an id without its text, so that it does not come again. Several
processes may append while a command changes the file: whoever writes holds a lock on its folder.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from waypost_server.adapters.files import replace_durably
from waypost_server.core.errors import ReviewError
from waypost_server.core.review import MAX_TEXT, Example

MODE = 0o600
"""The file has queries."""

_EXAMPLE = TypeAdapter(Example)


class Seen(StrEnum):
    """What a person said of an example."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Kept(StrEnum):
    """What became of an example that was to be kept."""

    NEW = "new"
    KNOWN = "known"
    FULL = "full"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Review:
    """The file's content.

    Attributes:
        waiting: examples that nobody has looked at, by id, the oldest first.
        seen: what was said of the others, by id.
    """

    waiting: dict[str, Example]
    seen: dict[str, Seen]


class ReviewFile:
    """Takes examples in."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """Takes `max_bytes` in all; the file need not be there yet."""
        self._path = path
        self._max_bytes = max_bytes
        self._known: set[str] = set()
        self._mark: tuple[int, int, int] | None = None

    def add(self, example: Example) -> Kept:
        """Keeps an example, unless it is known; raises ReviewError where that cannot be."""
        if len(example.text) > MAX_TEXT:
            return Kept.TOO_LONG
        line = f"{json.dumps(asdict(example), ensure_ascii=False)}\n".encode()
        with _locked(self._path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            file = os.open(self._path, flags, MODE)
            try:
                return self._add(file, example.id, line)
            finally:
                os.close(file)

    def _add(self, file: int, example_id: str, line: bytes) -> Kept:
        if _mark(file) != self._mark:  # somebody else has written
            self._known = _ids(self._path)
        size = os.fstat(file).st_size
        kept = Kept.NEW
        if example_id in self._known:
            kept = Kept.KNOWN
        elif size + len(line) > self._max_bytes:
            kept = Kept.FULL
        else:
            # A line that broke off, on a full disk say, must not take this one with it.
            broken = size and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" + line if broken else line)
            self._known.add(example_id)
        self._mark = _mark(file)
        return kept


def read_review(path: Path) -> Review:
    """What is in a file; raises ReviewError that names the first bad line, or says it is absent."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ReviewError(f"{path}: {os.strerror(error.errno or 0)}") from None
    waiting: dict[str, Example] = {}
    seen: dict[str, Seen] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
            if "seen" in row:
                seen[str(row["id"])] = Seen(row["seen"])
            else:
                example = _EXAMPLE.validate_python(row)
                waiting.setdefault(example.id, example)
        except (ValueError, ValidationError, TypeError, KeyError, RecursionError):
            raise ReviewError(f"{path}:{number}: this is no example; remove the line") from None
    return Review({id_: one for id_, one in waiting.items() if id_ not in seen}, seen)


@contextmanager
def reviewing(path: Path) -> Iterator[Review]:
    """The content, to be changed; written back at the end, while nobody else writes.

    Raises:
        ReviewError: it cannot be read or written.
    """
    with _locked(path):
        review = read_review(path)
        yield review
        rows = [{"id": id_, "seen": str(said)} for id_, said in review.seen.items()]
        rows += [asdict(one) for id_, one in review.waiting.items() if id_ not in review.seen]
        content = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        try:
            replace_durably(path, content.encode())
            path.chmod(MODE)
        except OSError as error:
            raise ReviewError(f"{path}: {os.strerror(error.errno or 0)}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ReviewError(f"{path}: {os.strerror(error.errno or 0)}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise ReviewError(f"{path}: {os.strerror(error.errno or 0)}") from None
    finally:
        os.close(folder)


def _mark(file: int) -> tuple[int, int, int]:
    stat = os.fstat(file)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _ids(path: Path) -> set[str]:
    """Ids of all that is there; lines that are none of ours have none."""
    found: set[str] = set()
    for line in path.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found.add(str(row.get("id")))
    return found


def unknown(review: Review, ids: Collection[str]) -> list[str]:
    """Those of `ids` that do not wait in the file."""
    return [id_ for id_ in ids if id_ not in review.waiting]
