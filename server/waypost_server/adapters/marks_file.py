"""hints.jsonl: exemplars of a route and the hints for queries like them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from waypost_server.adapters.json_lines import json_lines
from waypost_server.adapters.route_schema import HintsSection
from waypost_server.adapters.text_file import FileProblems
from waypost_server.core.catalog import Hints

MARKS_FILE = "hints.jsonl"
LINE = '{"text": "one of the exemplars", "reasoning_effort": "low"}'
"""What a line looks like."""


def read_marks(path: Path) -> Mapping[str, tuple[int, Hints]]:
    """Line, counted from 1, and hints by text; raises FileProblems naming every wrong line."""
    problems: list[str] = []
    found: dict[str, tuple[int, Hints]] = {}
    for number, record in json_lines(path, problems):
        wrong = list(_problems(record))
        problems += [f"{path}:{number}: {one}" for one in wrong]
        if wrong:
            continue
        text = record.pop("text").strip()
        if text in found:
            problems.append(
                f"{path}:{number}: {text[:80]!r} stands in line {found[text][0]} already; remove "
                "one of the two"
            )
            continue
        found[text] = number, Hints(**dict(HintsSection.model_validate(record)))
    if problems:
        raise FileProblems(problems)
    return found


def _problems(record: Any) -> Iterator[str]:  # noqa: ANN401  (whatever JSON holds)
    """What is wrong with a line's value, and how to mend it."""
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        yield f"a line must be like {LINE}"
        return
    hints = {key: value for key, value in record.items() if key != "text"}
    if not hints:
        yield f"the line has no hint; a line must be like {LINE}"
    try:
        HintsSection.model_validate(hints)
    except ValidationError as error:
        for one in error.errors():
            yield f"{'.'.join(map(str, one['loc']))}: {one['msg']}; a line must be like {LINE}"
