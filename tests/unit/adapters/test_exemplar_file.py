import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypost_server.adapters.exemplar_file import find_example_file, read_examples
from waypost_server.adapters.text_file import FileProblems

LIMIT = 60

READ: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "one a line": (".txt", "first\nsecond\n", ("first", "second")),
    "comments and blank lines": (
        ".txt",
        "# a\n\nfirst\n  # b\n#\n#include <x> fails\nC# or F#?\n",
        ("first", "#include <x> fails", "C# or F#?"),
    ),
    "no newline at the end": (".txt", "first\nsecond", ("first", "second")),
    "CRLF": (".txt", "# c\r\nfirst\r\n\r\nsecond\r\n", ("first", "second")),
    "byte order mark": (".txt", "\ufefffirst\nsecond\n", ("first", "second")),
    "a comment behind a byte order mark": (".txt", "\ufeff# c\nfirst\n", ("first",)),
    "spaces around": (".txt", "  first\t\n\u3000second\n", ("first", "second")),
    "only a newline ends a line": (".txt", "a\u2028b\x0bc\x85d\n", ("a\u2028b\x0bc\x85d",)),
    "json lines": (
        ".jsonl",
        '{"text": "# first"}\r\n\n{"text": "b\\nc", "by": 1}\n',
        ("# first", "b\nc"),
    ),
    "json with a byte order mark": (".jsonl", '\ufeff{"text": "first"}\n', ("first",)),
    "csv": (".csv", 'id,text\r\n1,first\r\n2,"a, ""b""\nc"\r\n', ("first", 'a, "b"\nc')),
    "csv with a byte order mark": (".csv", "\ufefftext\nfirst\n\nsecond\n", ("first", "second")),
}

REFUSED: dict[str, tuple[str, str, int, str]] = {
    "empty": (".txt", "", 1, "the file has no text in it; write one example query on a line"),
    "comments only": (".txt", "# a\n\n# b\n", 1, "the file has no text in it"),
    "empty json lines": (".jsonl", "\n\n", 1, "the file has no text in it"),
    "csv header only": (".csv", "text\n", 1, "the file has no text in it"),
    "empty csv": (".csv", "", 1, "the first line must name the columns, one of them `text`"),
    "too long": (
        ".txt",
        f"ok\n{'ß' * 31}\n",
        2,
        "the text is 62 bytes, but limits.max_query_bytes is 60; shorten it",
    ),
    "not json": (".jsonl", '{"text": "a"}\n{"text": \n', 2, "this is not JSON: Expecting value"),
    "json without text": (
        ".jsonl",
        '{"text": "a"}\n\n{"txt": "b"}\n',
        3,
        'a line must be like {"text": "an example query"}',
    ),
    "json text of another type": (".jsonl", '{"text": 5}\n', 1, "a line must be like"),
    "json list": (".jsonl", '["a"]\n', 1, "a line must be like"),
    "json of bottomless depth": (".jsonl", "[" * 100_000, 1, "this is not JSON"),
    "json with an endless number": (
        ".jsonl",
        f'{{"text": "a", "n": {"9" * 5000}}}',
        1,
        "this is not JSON",
    ),
    "blank json text": (
        ".jsonl",
        '{"text": "a"}\n{"text": " "}\n',
        2,
        "the text is blank; write one or remove the line",
    ),
    "json surrogate": (
        ".jsonl",
        '{"text": "\\ud83d"}\n',
        1,
        "the text has a lone surrogate; remove it",
    ),
    "csv without text": (
        ".csv",
        "id,query\n1,a\n",
        1,
        "the first line must name the columns, one of them `text`",
    ),
    "csv row too short": (".csv", "id,text\n1,a\n2\n", 3, "the text is blank"),
    "csv quote left open": (".csv", 'text\na\n"b\n', 3, "this is not CSV: unexpected end of data"),
    "csv quote inside": (".csv", 'text\n"a"b\n', 2, "this is not CSV: ',' expected after '\"'"),
}


def example_file(folder: Path, suffix: str, content: str) -> Path:
    path = folder / f"exemplars{suffix}"
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(("suffix", "content", "texts"), READ.values(), ids=READ)
def test_texts_are_read_in_order(
    tmp_path: Path, suffix: str, content: str, texts: tuple[str, ...]
) -> None:
    path = example_file(tmp_path, suffix, content)
    assert read_examples(path, max_text_bytes=LIMIT) == texts


@pytest.mark.parametrize(("suffix", "content", "line", "what"), REFUSED.values(), ids=REFUSED)
def test_a_bad_line_is_named_with_its_cure(
    tmp_path: Path, suffix: str, content: str, line: int, what: str
) -> None:
    path = example_file(tmp_path, suffix, content)
    with pytest.raises(FileProblems) as error:
        read_examples(path, max_text_bytes=LIMIT)
    (problem,) = error.value.problems
    assert problem.startswith(f"{path}:{line}: {what}")


def test_every_bad_line_of_json_is_named(tmp_path: Path) -> None:
    path = example_file(tmp_path, ".jsonl", '{"text": \n{"txt": "a"}\n{"text": "b"}\n["c"]\n')
    with pytest.raises(FileProblems) as error:
        read_examples(path, max_text_bytes=LIMIT)
    said = 'a line must be like {"text": "an example query"}'
    assert error.value.problems == (
        f"{path}:1: this is not JSON: Expecting value: line 1 column 10 (char 9); mend the line",
        f"{path}:2: {said}",
        f"{path}:4: {said}",
    )


def test_a_text_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = example_file(tmp_path, ".txt", "ß" * 30)
    assert read_examples(path, max_text_bytes=LIMIT) == ("ß" * 30,)


TEXTS = st.lists(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\ufeff"), max_size=20)
    .map(str.strip)
    .filter(bool),
    min_size=1,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, ascii_only=st.booleans())
def test_any_texts_come_back_from_json_lines(
    tmp_path: Path, texts: list[str], ascii_only: bool
) -> None:
    lines = [json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts]
    path = example_file(tmp_path, ".jsonl", "\n".join(lines))
    assert read_examples(path, max_text_bytes=1000) == tuple(texts)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS)
def test_any_texts_come_back_from_csv(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "exemplars.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["text"], *([text] for text in texts)])
    assert read_examples(path, max_text_bytes=1000) == tuple(texts)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_a_folder_may_hold_any_one_of_the_three_kinds(tmp_path: Path, suffix: str) -> None:
    path = example_file(tmp_path, suffix, "text\n")
    (tmp_path / "exemplars.md").touch()
    assert find_example_file(tmp_path, "exemplars") == path
    assert find_example_file(tmp_path, "negatives") is None


def test_two_kinds_side_by_side_are_refused(tmp_path: Path) -> None:
    example_file(tmp_path, ".txt", "a")
    example_file(tmp_path, ".csv", "text\na\n")
    with pytest.raises(FileProblems) as error:
        find_example_file(tmp_path, "exemplars")
    assert error.value.problems == (
        f"{tmp_path}/exemplars.csv:1: exemplars.txt and exemplars.csv stand side by side; "
        "merge them into one",
    )
