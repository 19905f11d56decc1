"""Files with a JSON value on each line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from waypost_server.adapters.text_file import read_text


def json_lines(path: Path, problems: list[str]) -> Iterator[tuple[int, Any]]:
    """Each line that is not blank, its number counted from 1, and its value.

    What is no JSON is left out, and added to `problems`; raises FileProblems for a file that cannot
    be read.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}:{number}: this is not JSON: {error}; mend the line")
        else:
            yield number, value
