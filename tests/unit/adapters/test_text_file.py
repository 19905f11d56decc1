from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypost_server.adapters.text_file import MAX_BYTES, FileProblems, read_text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\ufeff")))
def test_utf8_is_read_as_written_with_or_without_a_byte_order_mark(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "file"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        assert read_text(path) == text


@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [
        ("größe".encode("latin-1"), 1, "0xf6"),
        (b"one\r\ntwo\r\nthree \x80", 3, "0x80"),
        ("utf-16 text".encode("utf-16"), 1, "0xff"),
        (b"cut in the middle of a character: \xe2\x82", 1, "0xe2"),
        (b"ok\n\xed\xa0\x80", 2, "0xed"),
    ],
)
def test_a_byte_that_is_not_utf8_is_named_with_its_line_and_the_cure(
    tmp_path: Path, content: bytes, line: int, byte: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    with pytest.raises(FileProblems) as error:
        read_text(path)
    assert error.value.problems == (
        f"{path}:{line}: byte {byte} is not UTF-8; save the file as UTF-8",
    )


def test_a_file_that_cannot_be_read_is_a_problem_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblems) as error:
        read_text(tmp_path / "absent")
    assert error.value.problems == (
        f"{tmp_path}/absent:1: cannot be read: No such file or directory",
    )


def test_a_file_too_large_to_be_meant_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(FileProblems, match=r":1: the file is larger than 268,435,456 bytes; split"):
        read_text(path)
