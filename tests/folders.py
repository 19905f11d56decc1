"""Folders written for a test."""

from collections.abc import Mapping
from pathlib import Path


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files by their path below `folder`, which is made, and returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def folder_content(folder: Path) -> dict[str, bytes]:
    """What every file below `folder` holds, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
