"""Files of example queries: .txt with one a line, .jsonl and .csv with a field `text`."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from waypost_server.adapters.json_lines import json_lines
from waypost_server.adapters.text_file import FileProblems, problem_at, read_text

Lines = Iterator[tuple[int, str]]
"""Line numbers from 1, and texts."""


def find_example_file(folder: Path, stem: str) -> Path | None:
    """The one file `stem`.txt, .jsonl or .csv in `folder`, if any; raises FileProblems for two."""
    found = [path for suffix in _READERS if (path := folder / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise problem_at(found[1], 1, f"{names} stand side by side; merge them into one")
    return found[0] if found else None


def read_examples(path: Path, *, max_text_bytes: int) -> tuple[str, ...]:
    """The file's texts in order, at least one; raises FileProblems."""
    return tuple(text for _, text in read_numbered(path, max_text_bytes=max_text_bytes))


def read_numbered(path: Path, *, max_text_bytes: int) -> tuple[tuple[int, str], ...]:
    """Likewise, each text with its line, counted from 1."""
    texts = []
    for line, text in _READERS[path.suffix](path):
        stripped = text.strip()
        if not stripped:
            raise problem_at(path, line, "the text is blank; write one or remove the line")
        try:
            size = len(stripped.encode())
        except UnicodeEncodeError:
            raise problem_at(path, line, "the text has a lone surrogate; remove it") from None
        if size > max_text_bytes:
            limit = f"limits.max_query_bytes is {max_text_bytes:,}"
            raise problem_at(path, line, f"the text is {size:,} bytes, but {limit}; shorten it")
        texts.append((line, stripped))
    if not texts:
        raise problem_at(path, 1, "the file has no text in it; write one example query on a line")
    return tuple(texts)


def _read_txt(path: Path) -> Lines:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        # "#include" and "#123" are queries: a comment has a space, or nothing, after its "#".
        if line.strip() and not f"{line.strip()} ".startswith("# "):
            yield number, line


def _read_jsonl(path: Path) -> Lines:
    problems: list[str] = []
    for number, record in json_lines(path, problems):
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            problems.append(f'{path}:{number}: a line must be like {{"text": "an example query"}}')
        else:
            yield number, record["text"]
    if problems:
        raise FileProblems(problems)


def _read_csv(path: Path) -> Lines:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        if "text" not in (reader.fieldnames or ()):
            raise problem_at(path, 1, "the first line must name the columns, one of them `text`")
        for record in reader:
            yield reader.line_num, record["text"] or ""
    except csv.Error as error:
        # Where the record begins: a quote left open is noticed at the end of the file only.
        line = reader.line_num + 1
        raise problem_at(path, line, f"this is not CSV: {error}; mend the line") from None


_READERS: dict[str, Callable[[Path], Lines]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
}
