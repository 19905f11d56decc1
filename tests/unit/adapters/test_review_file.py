"""The file of examples: each once, bounded, whole whoever writes."""

import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from waypost_server.adapters.review_file import (
    Kept,
    ReviewFile,
    Seen,
    read_review,
    reviewing,
)
from waypost_server.core.errors import ReviewError
from waypost_server.core.review import MAX_TEXT, Example, example_of

ADDING = """
import sys
from pathlib import Path
from tests.unit.adapters.test_review_file import example
from waypost_server.adapters.review_file import ReviewFile
file = ReviewFile(Path(sys.argv[1]), max_bytes=10**6)
for i in range(100):
    file.add(example(f"text {(i * int(sys.argv[2])) % 101}"))
"""


def example(text: str, *, route: str = "a") -> Example:
    return example_of(
        text,
        route=route,
        confidence=0.25,
        encoder_route="b",
        model="small",
        index_version="0123456789ab",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data/review.jsonl"


def file_at(path: Path, *, max_bytes: int = 10_000) -> ReviewFile:
    return ReviewFile(path, max_bytes=max_bytes)


def test_what_is_added_is_read_again(path: Path) -> None:
    added = [example("erste Frage: größer?"), example("second\n one")]
    assert [file_at(path).add(one) for one in added] == [Kept.NEW, Kept.NEW]
    assert list(read_review(path).waiting.values()) == added
    assert added[1].text == "second one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_text_comes_once_whatever_its_case_and_whoever_adds_it(path: Path) -> None:
    one, two = file_at(path), file_at(path)
    assert one.add(example("Where is it?")) is Kept.NEW
    assert two.add(example("where  IS it?", route="b")) is Kept.KNOWN
    assert two.add(example("another")) is Kept.NEW
    assert one.add(example("another")) is Kept.KNOWN
    assert [each.route for each in read_review(path).waiting.values()] == ["a", "a"]


def test_what_was_looked_at_does_not_come_again_and_its_text_is_gone(path: Path) -> None:
    file = file_at(path)
    examples = [example(text) for text in ("one secret", "two", "three")]
    for each in examples:
        file.add(each)
    with reviewing(path) as review:
        review.seen[examples[0].id] = Seen.REJECTED
        review.seen[examples[2].id] = Seen.ACCEPTED
    assert list(read_review(path).waiting) == [examples[1].id]
    assert "secret" not in path.read_text("utf-8")
    assert [file.add(each) for each in examples] == [Kept.KNOWN] * 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_takes_no_more_than_it_may(path: Path) -> None:
    file = file_at(path, max_bytes=1_000)
    kept = [file.add(example(f"text {i}")) for i in range(20)]
    full = kept.index(Kept.FULL)
    assert set(kept[:full]) == {Kept.NEW}
    assert set(kept[full:]) == {Kept.FULL}
    assert 1_000 - 250 < path.stat().st_size <= 1_000
    assert len(read_review(path).waiting) == full > 2


def test_a_long_text_is_no_exemplar(path: Path) -> None:
    assert file_at(path).add(example("x" * (MAX_TEXT + 1))) is Kept.TOO_LONG
    assert file_at(path).add(example("x" * MAX_TEXT)) is Kept.NEW


def test_a_line_that_broke_off_takes_no_other_with_it(path: Path) -> None:
    file_at(path).add(example("one"))
    with path.open("ab") as broken:
        broken.write(b'{"id": "abc", "te')
    assert file_at(path).add(example("two")) is Kept.NEW
    with pytest.raises(ReviewError, match=r"review\.jsonl:2: this is no example; remove the line"):
        read_review(path)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[2]]), encoding="utf-8")
    assert [one.text for one in read_review(path).waiting.values()] == ["one", "two"]


@pytest.mark.parametrize(
    "line",
    ["[]", "7", '{"id": 1}', '{"id": "a", "seen": "perhaps"}', "{", '"seen"', "\xff", "[" * 9000],
)
def test_a_bad_line_is_named(path: Path, line: str) -> None:
    path.parent.mkdir()
    path.write_bytes(line.encode("latin-1") + b"\n")
    with pytest.raises(ReviewError, match=r":1: this is no example"):
        read_review(path)
    assert file_at(path).add(example("one")) is Kept.NEW  # a server goes on


def test_processes_that_add_at_once_lose_nothing_and_add_nothing_twice(path: Path) -> None:
    adding = [
        subprocess.Popen([sys.executable, "-c", ADDING, str(path), str(step)]) for step in (1, 3, 7)
    ]
    assert [process.wait(60) for process in adding] == [0, 0, 0]
    texts = [one.text for one in read_review(path).waiting.values()]
    wanted = {f"text {(i * step) % 101}" for i in range(100) for step in (1, 3, 7)}
    assert sorted(texts) == sorted(wanted)
    assert len(path.read_text("utf-8").splitlines()) == len(wanted)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReviewError, match=r"file/review\.jsonl: "):
        file_at(tmp_path / "file/review.jsonl").add(example("one"))
    with pytest.raises(ReviewError, match="No such file or directory"):
        read_review(tmp_path / "absent.jsonl")


def test_an_id_is_of_the_words_alone() -> None:
    assert example("A  b").id == example("a b", route="z").id != example("a c").id
    assert replace(example("x")).id == example("x").id
