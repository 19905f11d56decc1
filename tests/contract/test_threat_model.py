"""docs/security.md names a test for each threat; the tests must be there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(
    r"^\| (?P<threat>[^|]+) \| (?P<defence>[^|]+) \| (?P<tests>`test_\w+`(?:, `test_\w+`)*) \|$"
)


def test_each_threat_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    table = text.partition("| threat | defence | test |\n|---|---|---|\n")[2].partition("\n\n")[0]
    lines = [LINE.match(line) for line in table.splitlines()]
    assert len(lines) > 25
    assert all(lines), [line for line in table.splitlines() if not LINE.match(line)]
    named = {name for line in lines if line for name in re.findall(r"\w+", line["tests"])}
    known = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named <= known, named - known
