"""`BUILT`: which bundle passed the gate last, and of what it was built, so that none builds again.

Of bytes, not of what they say: that would take reading all of it, which is what is to be spared.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from waypost_server.adapters.files import replace_durably
from waypost_server.adapters.plain_file import open_plain, read_plain

STAMP = "BUILT"
_NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `BUILT` says.

    Attributes:
        version: of the bundle that passed; empty where no stamp is, or none that can be read.
        sha256: of what it was built of; empty likewise.
        is_noted: whether the build noted what should be mended there.
    """

    version: str = ""
    sha256: str = ""
    is_noted: bool = False


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


def read_stamp(index: Path) -> Stamp:
    """The stamp in a folder of bundles."""
    try:
        words = read_plain(index / STAMP, most=128).decode("ascii", errors="replace").split()
    except OSError:
        return Stamp()
    if len(words) == 2 or words[2:] == [_NOTED]:
        return Stamp(words[0], words[1], len(words) == 3)
    return Stamp()


def write_stamp(index: Path, stamp: Stamp) -> None:
    """Replaces it; raises OSError."""
    words = [stamp.version, stamp.sha256, *([_NOTED] if stamp.is_noted else ())]
    replace_durably(index / STAMP, f"{' '.join(words)}\n".encode())


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield entry
        elif not entry.is_symlink():
            yield from _files(entry)
