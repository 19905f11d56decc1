"""hints.jsonl: exemplars and the hints for queries like them."""

from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Hints, ReasoningEffort
from waypost_server.core.errors import RoutesError

LIKE = 'a line must be like {"text": "one of the exemplars", "reasoning_effort": "low"}'
INVOICE = '{"text": "where is my invoice", "needs_retrieval": true}'


def test_marks_arrive_by_exemplar(tmp_path: Path) -> None:
    other = '{"text": " my card was charged twice ", "reasoning_effort": "high"}'
    files = {**SOUND, "billing/hints.jsonl": f"{INVOICE}\n\n{other}\n"}
    catalog = read_routes(write_folder(tmp_path, files)).catalog
    assert catalog.routes["billing"].marks == {
        "where is my invoice": Hints(needs_retrieval=True),
        "my card was charged twice": Hints(reasoning_effort=ReasoningEffort.HIGH),
    }
    assert catalog.routes["general"].marks == {}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "this is not JSON: Expecting property name enclosed in double quotes: line 1 "
         "column 2 (char 1); mend the line"),
        ("[1]", LIKE),
        ('{"text": "where is my invoice"}', f"the line has no hint; {LIKE}"),
        ('{"text": "x", "effort": "low"}', f"effort: Extra inputs are not permitted; {LIKE}"),
        ('{"text": "x", "reasoning_effort": "lots"}',
         f"reasoning_effort: Input should be 'low', 'medium' or 'high'; {LIKE}"),
        (INVOICE, "'where is my invoice' stands in line 1 already; remove one of the two"),
        ('{"text": "invoice?", "needs_retrieval": true}',
         "'invoice?' is no exemplar of the route; add it there, word for word, or remove the line"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_its_cure(tmp_path: Path, line: str, problem: str) -> None:
    files = {**SOUND, "billing/hints.jsonl": f"{INVOICE}\n{line}\n"}
    with pytest.raises(RoutesError) as error:
        read_routes(write_folder(tmp_path, files))
    assert error.value.problems == (f"{tmp_path}/billing/hints.jsonl:2: {problem}",)
