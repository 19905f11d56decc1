"""The page shows the figures that were measured, and they are as good as was asked."""

import json
from pathlib import Path

from tests.bench.judgement.plans import RAW, render
from tests.bench.pages import markers


def test_the_section_is_what_the_raw_figures_say(repo: Path) -> None:
    begin, end = markers("plans")
    page = (repo / "docs/benchmarks.md").read_text("utf-8")
    shown = page.partition(begin)[2].partition(end)[0]
    assert shown.strip() == render(json.loads(RAW.read_text("utf-8")))


def test_plans_are_as_good_as_was_asked() -> None:
    rows = {row["name"]: row for row in json.loads(RAW.read_text("utf-8"))["rows"]}
    clinc = rows["CLINC150, all exemplars a route"]
    assert clinc["both"] >= 75
    assert all(row["split"] <= 1 for row in rows.values())
