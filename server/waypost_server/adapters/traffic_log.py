"""A log of decisions: lines like {"route": "debugging"}; what else a line holds is not read."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from waypost_server.core.errors import EvaluationError

LINE = '{"route": "debugging"}'
"""What a line looks like, at the least."""

MAX_PROBLEMS = 20
"""Reading stops there: a log may be long, and all of it may be wrong."""


def read_traffic(path: Path) -> Mapping[str, int]:
    """How often the log names each route; blank lines do not count.

    Raises:
        EvaluationError: the file cannot be read, or lines are wrong; names the first of them.
    """
    counts: Counter[str] = Counter()
    problems: list[str] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                route = _route(line)
                if route is None:
                    problems.append(f"{path}:{number}: a line must be like {LINE}; mend it")
                else:
                    counts[route] += 1
                if len(problems) == MAX_PROBLEMS:
                    break
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
    if problems:
        raise EvaluationError(problems)
    return counts


def _route(line: bytes) -> str | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    route = record.get("route") if isinstance(record, dict) else None
    return route if isinstance(route, str) and route else None
