"""The page's section is what the raw figures say."""

import json
from pathlib import Path

from tests.bench.judgement.escalation import Row, render
from tests.bench.pages import splice


def test_the_section_is_rendered_from_the_raw_figures(repo: Path) -> None:
    raw = json.loads((repo / "docs/benchmarks/escalation.json").read_text("utf-8"))
    pairs = ("best", "uniform", "weighted")
    rows = [Row(**{**row, **{name: tuple(row[name]) for name in pairs}}) for row in raw]
    page = (repo / "docs/benchmarks.md").read_text("utf-8")
    assert splice(page, "escalation", render(rows)) == page
