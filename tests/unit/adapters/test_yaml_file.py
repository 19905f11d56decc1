from pathlib import Path

import pytest

from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import MAX_BYTES, read_yaml

REFUSED = {
    "unclosed": ("models: [a, b\n", 2, "this is not YAML: expected ',' or ']'"),
    "tab": ("a: 1\n\tb: 2\n", 2, "this is not YAML: found character '\\t'"),
    "second document": ("a: 1\n---\nb: 2\n", 2, "this is not YAML: but found another document"),
    "python object": ("a: !!python/name:os.system\n", 1, "this is not YAML: could not determine"),
    "impossible date": ("a: 2024-13-45\n", 1, "this is not YAML: month must be in 1..12"),
    "twice": ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands twice; keep one"),
    "twice, nested": ("m:\n  x: {k: 1,\n      k: 2}\n", 3, "key 'k' stands twice; keep one"),
    "twice in a list": ("m:\n- a: 1\n  a: 2\n", 3, "key 'a' stands twice; keep one"),
    "alias": ("a: &x [1]\nb:\n- *x\n", 3, "alias *x: write the value out instead"),
    "merged alias": ("a: &x {k: 1}\nb: {<<: *x}\n", 2, "alias *x: write the value out instead"),
    "list": ("- a\n- b\n", 1, "the file must be a mapping"),
    "word": ("hello\n", 1, "the file must be a mapping"),
    "number as key": ("a: 1\n5: x\n", 2, "a key here is not text to YAML; put it in quotes"),
    "on as key": ("a: 1\non: x\n", 2, "a key here is not text to YAML; put it in quotes"),
    "list as key": ("a: 1\n? [x, y]\n: z\n", 2, "a key here is not text to YAML"),
    "control character": ("a: 1\nb: \x00\n", 2, "U+0000 may not stand in YAML; remove it"),
    "lone surrogate": ('a: 1\nb: "\\ud800"\n', 2, "a lone surrogate stands here; remove it"),
    "too deep": ("a: " + "[" * 600 + "]" * 600, 1, "nested too deeply; write them flatter"),
    "never closed": ("a:\n " + "[" * 200_000, 2, "nested too deeply; write them flatter"),
    "deep blocks": ("".join(f"{' ' * i}a:\n" for i in range(1_000)), 100, "nested too deeply"),
    "long number": ("a: 1\nb: " + "9" * 5_000, 2, "a number has more than 400 digits; shorten it"),
    "long base 60": ("a: " + ":".join(["59"] * 3_000), 1, "a number has more than 400 digits"),
    "merged": ("a: {<<: {b: 1}}\n", 1, "a key here is not text to YAML; put it in quotes"),
}


@pytest.mark.parametrize(("text", "line", "what"), REFUSED.values(), ids=REFUSED)
def test_what_no_setting_needs_is_refused_naming_the_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = tmp_path / "route.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileProblems) as error:
        read_yaml(path)
    (problem,) = error.value.problems
    assert problem.startswith(f"{path}:{line}: ")
    assert what in problem


def test_a_billion_laughs_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "route.yaml"
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 30)]
    path.write_text("\n".join(["l0: &l0 [lol]", *levels]), encoding="utf-8")
    with pytest.raises(FileProblems, match=r":2: alias \*l0"):
        read_yaml(path)


def test_a_file_that_would_take_minutes_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "route.yaml"
    path.write_text("a: " + "x" * MAX_BYTES, encoding="utf-8")
    with pytest.raises(FileProblems, match=r":1: the file is larger than 1,048,576 bytes; split"):
        read_yaml(path)


def test_only_so_many_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "route.yaml"
    path.write_text("a:\n- 1\n- 2\n- 3\n", encoding="utf-8")  # the whole, a, its list, and three
    assert read_yaml(path, most_values=6).value == {"a": [1, 2, 3]}
    path.write_text("a:\n- 1\n- 2\n- 3\n- 4\n", encoding="utf-8")
    with pytest.raises(FileProblems, match=r":5: the file has too many values; shorten it"):
        read_yaml(path, most_values=6)


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n"])
def test_a_file_that_says_nothing_sets_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "route.yaml"
    path.write_text(content, encoding="utf-8")
    assert read_yaml(path).value == {}


LINES = """\
# line 1
description: text

specialist:
  models:
    - first
    - second
hints: {needs_retrieval: true,
        reasoning_effort: high}
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (["description"], 2),
        (["specialist"], 4),
        (["specialist", "models", 1], 7),
        (["hints", "reasoning_effort"], 9),
        (["specialist", "absent", "deeper"], 4),
    ],
)
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_value_is_found_on_its_line_or_its_parents(
    tmp_path: Path, location: list[int | str], line: int, prefix: bytes, newline: str
) -> None:
    path = tmp_path / "route.yaml"
    path.write_bytes(prefix + LINES.replace("\n", newline).encode())
    file = read_yaml(path)
    assert file.problem(location, "wrong") == f"{path}:{line}: wrong"
    assert file.value["hints"] == {"needs_retrieval": True, "reasoning_effort": "high"}
