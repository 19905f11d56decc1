"""What counts as a change, and what a stamp that is not sound is worth."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.build_stamp import (
    STAMP,
    Stamp,
    content_sha256,
    read_stamp,
    write_stamp,
)

FILES = {"a/exemplars.txt": "one\ntwo\n", "b/exemplars.txt": "three\n", "eval/x.jsonl": "{}\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "routes", FILES)


def test_the_same_files_have_the_same_hash_wherever_they_are(folder: Path, tmp_path: Path) -> None:
    again = write_folder(tmp_path / "again", dict(reversed(FILES.items())))
    assert content_sha256([folder], also=["1"]) == content_sha256([again], also=["1"])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a/exemplars.txt").write_text("one\ntwo!\n"),
        lambda folder: (folder / "a/exemplars.txt").rename(folder / "a/negatives.txt"),
        lambda folder: (folder / "eval/x.jsonl").unlink(),
        lambda folder: (folder / "gate.yaml").write_text(""),
        lambda folder: (folder / "b").rename(folder / "c"),
    ],
    ids=["a letter", "a name", "one less", "an empty one more", "a folder"],
)
def test_any_change_of_a_file_is_another_hash(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = content_sha256([folder], also=[])
    change(folder)
    assert content_sha256([folder], also=[]) != before


def test_what_no_build_reads_is_no_change(folder: Path, tmp_path: Path) -> None:
    before = content_sha256([folder], also=[])
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("main")
    (folder / "again").symlink_to(folder)
    assert content_sha256([folder], also=[]) == before
    assert content_sha256([folder], also=["another"]) != before
    assert content_sha256([folder, folder / "a"], also=[]) != before


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "a/pipe")
    with pytest.raises(OSError, match="no plain file"):
        content_sha256([folder], also=[])


def test_a_stamp_is_read_as_it_was_written_and_one_that_is_damaged_is_none(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) == Stamp()
    for is_noted in (False, True):
        stamp = Stamp("0123456789ab", "c" * 64, is_noted)
        write_stamp(tmp_path, stamp)
        assert read_stamp(tmp_path) == stamp
    for damaged in ("", "0123456789ab\n", "x" * 1000, "\xff 1 2", "1 2 noted noted"):
        (tmp_path / STAMP).write_text(damaged)
        assert read_stamp(tmp_path) == Stamp()
