"""`BUILT`: which bundle passed the gate last, and of what it was built, so that none builds again.

Of bytes, not of what they say: that would take reading all of it, which is what is to be spared.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from waypost_server.adapters.files import replace_durably
from waypost_server.adapters.plain_file import open_plain, read_plain

STAMP = "BUILT"


def content_sha256(folders: Sequence[Path], *, also: Sequence[str]) -> str:
    """One hex hash of all files in some folders and of some words; raises OSError.

    Hidden files do not count, and folders that are links are not entered: no build reads them.
    """
    whole = hashlib.sha256()
    for word in also:
        whole.update(f"{word}\n".encode())
    for folder in folders:
        for path in sorted(_files(folder)):
            with open_plain(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = os.fsencode(path.relative_to(folder))
            whole.update(b"%d %b %b\n" % (len(name), name, digest.encode()))
        whole.update(b"\n")
    return whole.hexdigest()


def read_stamp(index: Path) -> tuple[str, str]:
    """A version and what it was built of; empty where no stamp is, or none that can be read."""
    try:
        words = read_plain(index / STAMP, most=128).decode("ascii", errors="replace").split()
    except OSError:
        return "", ""
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def write_stamp(index: Path, version: str, sha256: str) -> None:
    """Replaces the stamp; raises OSError."""
    replace_durably(index / STAMP, f"{version} {sha256}\n".encode())


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield entry
        elif not entry.is_symlink():
            yield from _files(entry)
