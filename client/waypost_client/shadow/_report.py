"""The report on shadow runs: every candidate, overall and by route."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from waypost_client.shadow._comparison import Comparison
from waypost_client.shadow._reading import Lines
from waypost_client.shadow._record import ShadowRun

OVERALL = ""
"""Stands for all routes of a candidate; no route is called so."""

Report = Mapping[str, Mapping[str, Comparison]]
"""By candidate and route, each in alphabetical order, OVERALL first."""


def report_of(runs: Iterable[ShadowRun]) -> Report:
    """Compares all runs."""
    found: defaultdict[str, defaultdict[str, Comparison]]
    found = defaultdict(lambda: defaultdict(Comparison))
    for run in runs:
        found[run.candidate][OVERALL].add(run)
        found[run.candidate][run.route].add(run)
    return {name: dict(sorted(routes.items())) for name, routes in sorted(found.items())}


def report_json(report: Report, lines: Lines) -> dict[str, Any]:
    """The report for a program; `route` is null for all routes."""
    return {
        **asdict(lines),
        "groups": [
            {"candidate": name, "route": route or None, **_group(comparison)}
            for name, routes in report.items()
            for route, comparison in routes.items()
        ],
    }


def _group(comparison: Comparison) -> dict[str, Any]:
    compared = comparison.compared
    return {
        "runs": comparison.runs,
        "compared": compared,
        "uncompared": dict(sorted(comparison.uncompared.items())),
        "same_route": comparison.same_route / compared if compared else None,
        "same_text": comparison.same_text / compared if compared else None,
        "outcomes": [
            {"live": live, "candidate": shadow, "runs": count}
            for (live, shadow), count in sorted(comparison.outcomes.items())
        ],
        "figures": [asdict(figure) for figure in comparison.figures()],
    }
