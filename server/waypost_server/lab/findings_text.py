"""Findings in words, for a terminal, and as data, for a program."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from waypost_server.lab.finding import Finding, Severity

MAX_QUOTE = 160
"""Characters of a sentence that are shown."""


def findings_summary(findings: Sequence[Finding]) -> str:
    """How many there are of each severity; says so when there are none."""
    if not findings:
        return "no findings"
    counts = ((sum(one.severity is level for one in findings), level.value) for level in Severity)
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)


def findings_text(findings: Sequence[Finding], *, limit: int) -> str:
    """Findings under their severity, at most `limit` of a kind."""
    lines: list[str] = []
    for severity, of_severity in groupby(findings, key=lambda one: one.severity):
        lines += ["", f"{severity.value.upper()}S"]
        for kind, of_kind in groupby(of_severity, key=lambda one: one.kind):
            all_of_kind = list(of_kind)
            for finding in all_of_kind[:limit]:
                lines += _lines(finding)
            more = len(all_of_kind) - limit
            if more > 0:
                lines += [f"  {kind.value}: and {more} more"]
    return "\n".join(lines[1:])


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All of them, and how many there are of each severity."""
    return {
        "counts": {
            level.value: sum(one.severity is level for one in findings) for level in Severity
        },
        "findings": [asdict(finding) | {"figures": _rounded(finding)} for finding in findings],
    }


def _rounded(finding: Finding) -> dict[str, float]:
    """Figures without the digits in which two machines differ."""
    return {name: round(value, 4) for name, value in finding.figures.items()}


def _lines(finding: Finding) -> list[str]:
    figures = ", ".join(
        f"{name.replace('_', ' ')} {round(value, 2):g}" for name, value in finding.figures.items()
    )
    return [
        f"  {finding.kind.value}: {finding.problem}{f' ({figures})' if figures else ''}",
        *(f'      {one.route}: "{_quote(one.text)}"' for one in finding.sentences),
        f"      cure: {finding.cure}",
    ]


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTE else f"{line[: MAX_QUOTE - 1].rstrip()}…"
