import os
from collections.abc import Callable
from pathlib import Path

import pytest

from waypost_server.adapters.plain_file import read_plain


def test_a_file_is_read_whole_and_through_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"0123456789")
    link.symlink_to(path)
    assert read_plain(path) == read_plain(link) == read_plain(path, most=10) == b"0123456789"


def test_so_many_bytes_are_read_at_most(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with pytest.raises(OSError, match="it is larger than 9 bytes"):
        read_plain(path, most=9)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "it is no plain file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no plain file"),
        (lambda path: path.symlink_to("/dev/tty"), "it is no plain file|No such device"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: None, "No such file"),
    ],
    ids=["pipe", "device", "terminal", "folder", "circle", "absent"],
)
def test_what_is_no_plain_file_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / "file")
    with pytest.raises(OSError, match=said):
        read_plain(tmp_path / "file")


def test_a_file_whose_size_the_system_does_not_tell_is_bounded_all_the_same() -> None:
    path = Path("/proc/self/environ")
    if not path.is_file():
        pytest.skip("this system has no /proc")
    assert path.stat().st_size == 0
    with pytest.raises(OSError, match="it is larger than 3 bytes"):
        read_plain(path, most=3)
