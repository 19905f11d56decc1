from pathlib import Path

import pytest

from waypost_server.adapters.files import replace_durably, sha256_hex, write_durably


@pytest.mark.parametrize(
    ("content", "digest"),
    [  # FIPS 180-2, B.1, and the well-known hash of nothing
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ],
)
def test_hashes_are_those_of_the_standard(content: bytes, digest: str) -> None:
    assert sha256_hex(content) == digest


def test_a_file_that_exists_is_not_overwritten_by_a_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"first")
    with pytest.raises(FileExistsError):
        write_durably(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_replaced_file_has_the_new_content_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "CURRENT"
    for content in (b"first, and longer", b"second"):
        replace_durably(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_that_holds_the_old_file_open_still_reads_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "CURRENT"
    replace_durably(path, b"old")
    with path.open("rb") as reader:
        replace_durably(path, b"new")
        assert reader.read() == b"old"
