"""What lies in a routes folder, looked at before any of it is read: it may be a stranger's.

A link in a clone could make a prompt of a file with secrets, which callers are then shown.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

MAX_DEPTH = 32
"""Folders in each other: far beyond any hierarchy, and well before Python's stack ends."""


def check_tree(folder: Path, *, also: tuple[str, ...] = ()) -> Iterator[str]:
    """Problems of links that lead out, of what is no plain file, and of folders too deep.

    Folders that are links are not followed, and what begins with "_" or "." is not read.

    Args:
        folder: the routes folder.
        also: names at its top that are read in spite of their "_".
    """
    root = folder.resolve()
    waiting = [(folder, 1)]
    while waiting:
        path, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            yield f"{path}:1: {error.strerror}; let Waypost read the folder, or move it elsewhere"
            continue
        for entry in entries:
            if entry.name.startswith(("_", ".")) and not (depth == 1 and entry.name in also):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth == MAX_DEPTH:
                    yield f"{entry.path}:1: folders are nested too deeply; write them flatter"
                else:
                    waiting.append((path / entry.name, depth + 1))
            elif problem := _problem(path / entry.name, entry, root):
                yield f"{entry.path}:1: {problem}"


def _problem(path: Path, entry: os.DirEntry[str], root: Path) -> str:
    """What is wrong with a file or a link; empty where nothing is."""
    try:
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            return "it is a link that leads out of the routes folder; put the file itself there"
        mode = entry.stat().st_mode
    except (OSError, RuntimeError):  # the latter from links in a circle, before Python 3.13
        return "it is a link that leads nowhere; remove it"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "it is neither a file nor a folder; remove it"
    return ""
