"""Text files from outside, and the problems found in them."""

import errno
from collections.abc import Iterable
from pathlib import Path

from waypost_server.adapters.plain_file import read_plain

MAX_BYTES = 256 * 2**20
"""Far above any plausible file of a routes folder; reading stops there rather than fill memory."""


class FileProblems(Exception):  # noqa: N818  (collected and shown together as a RoutesError)
    """What is wrong in a file; each problem says where, what, and how to mend it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def problem_at(path: Path, line: int, text: str) -> FileProblems:
    """One problem at one line, counted from 1."""
    return FileProblems([f"{path}:{line}: {text}"])


def read_text(path: Path, *, most: int = MAX_BYTES) -> str:
    """The file's text, without a byte order mark; raises FileProblems naming the line."""
    try:
        content = read_plain(path, most=most)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise problem_at(path, 1, f"the file is larger than {most:,} bytes; split it") from None
        raise problem_at(path, 1, f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise problem_at(
            path, line, f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
