"""Labelled queries: files of lines like {"text": "why does it hang", "label": "debugging"}."""

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from waypost_server.adapters.json_lines import json_lines
from waypost_server.adapters.text_file import FileProblems
from waypost_server.core.errors import EvaluationError
from waypost_server.core.labelled import OUT_OF_SCOPE, LabelledQuery

LINE = '{"text": "an example query", "label": "its_route"}'
"""What a line looks like."""


def read_labelled(
    paths: Sequence[Path], *, routes: Collection[str] | None, max_text_bytes: int
) -> tuple[LabelledQuery, ...]:
    """Reads files, and the *.jsonl of folders, in order; a file that is named twice is read once.

    Args:
        paths: files and folders.
        routes: what a label may be, beside "oos" for out of scope; None for anything.
        max_text_bytes: longest query, in bytes of UTF-8.

    Raises:
        EvaluationError: names every problem of every file.
    """
    found: list[LabelledQuery] = []
    problems: list[str] = []
    if routes is not None and OUT_OF_SCOPE in routes:
        problems.append(
            f"a route is called {OUT_OF_SCOPE!r}, which here labels queries that belong to no "
            "route; rename its folder and build again"
        )
    for path in _files(paths, problems):
        try:
            lines = list(json_lines(path, problems))
        except FileProblems as error:
            problems.extend(error.problems)
            continue
        if not lines and not any(problem.startswith(f"{path}:") for problem in problems):
            problems.append(f"{path}:1: the file has no query in it; write lines like {LINE}")
        for number, record in lines:
            wrong = _problem(record, routes, max_text_bytes)
            if wrong:
                problems.append(f"{path}:{number}: {wrong}")
            else:
                found.append(
                    LabelledQuery(
                        text=record["text"].strip(),
                        label=record["label"],
                        source=f"{path}:{number}",
                    )
                )
    if problems:
        raise EvaluationError(problems)
    return tuple(found)


def _files(paths: Sequence[Path], problems: list[str]) -> list[Path]:
    files: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not inside:
            problems.append(f"{path}:1: the folder has no *.jsonl in it; name a file, or add one")
        for file in inside:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _problem(record: object, routes: Collection[str] | None, max_text_bytes: int) -> str | None:
    """What is wrong with a line's value, and how to mend it."""
    if not isinstance(record, dict):
        return f"a line must be like {LINE}"
    for key in ("text", "label"):
        if not isinstance(record.get(key), str):
            found = "is not text" if key in record else "is missing"
            return f"{key} {found}; a line must be like {LINE}"
    return _text_problem(record["text"].strip(), max_text_bytes) or (
        None if routes is None else _label_problem(record["label"], routes)
    )


def _text_problem(text: str, max_text_bytes: int) -> str | None:
    if not text:
        return "text is blank; write one or remove the line"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "text has a lone surrogate; remove it"
    if size > max_text_bytes:
        return (
            f"text is {size:,} bytes, but limits.max_query_bytes is {max_text_bytes:,}; shorten it"
        )
    return None


def _label_problem(label: str, routes: Collection[str]) -> str | None:
    known = [*routes, OUT_OF_SCOPE]
    if label in known:
        return None
    close = difflib.get_close_matches(label, known, n=1)
    if close:
        return f"label {label[:80]!r} names no route; did you mean {close[0]!r}?"
    some = ", ".join(list(routes)[:20]) + (", ..." if len(routes) > 20 else "")
    return f"label {label[:80]!r} names no route; write one of {some}, or oos for out of scope"
