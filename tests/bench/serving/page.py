"""The section of the page."""

from collections.abc import Mapping, Sequence

import numpy as np

from tests.bench.bars import bars
from tests.bench.pages import table
from tests.bench.serving.contest import OPEN_LOAD, Legs
from tests.bench.serving.figures import (
    Leg,
    calls,
    cpu_ms,
    failures,
    generator_cpu_ms,
    p50,
    p99,
    per_second,
    percentile_ms,
)
from tests.bench.serving.names import (
    ALONE,
    BARE,
    BOTH,
    ECHO,
    FULL,
    LIBRARY,
    PAIR,
    WARM,
    WARM_PAIR,
)
from tests.bench.serving.report import LOOKED_INTO, MANY, Report, Target, targets
from tests.bench.serving.stages import Inside, inside

PICTURES = {
    "serving-latency.svg": "Latency with one caller, ms",
    "serving-throughput.svg": "Decisions a second",
    "serving-cpu.svg": "CPU a decision, ms",
}


def render(report: Report) -> str:
    """Tables, each with the sentences that it needs."""
    rounds = len(report.legs[ECHO, 1])
    steady = [p50([leg]) for leg in report.legs[BARE, 1]]
    parts = [
        f"{report.setting} {rounds} rounds. How steady the machine was: the bare encoder's median "
        f"went from {min(steady):.2f} to {max(steady):.2f} ms from round to round.",
        *([f"Without semantic-router: {report.missing}."] if report.missing else []),
        "### Callers that wait for their answers",
        "\n".join(f"![{what}](benchmarks/{name})" for name, what in PICTURES.items()),
        _closed(report),
        "### Queries at a fixed rate",
        "From when a query should have been sent to its answer. The rate is "
        f"{100 * OPEN_LOAD:.0f}% of what {MANY} callers reached above. Late: how long after that "
        "time the generator sent it.",
        _opened(report),
        "### Where the time goes",
        "One caller. Medians in ms; the server's own clock says what was encoding, search and "
        "scoring. Before the transformer encodes, the static encoder has tried, which is part of "
        "what is around. Asked before, the transformer's encoding comes from the cache.",
        _inside(report),
        *_librarys_own(report),
        "### What was wanted of serving",
        "Ratios are medians of the rounds, times are of all rounds together; in brackets, the "
        "lowest and highest of a round. What one round reached and another did not, this run "
        "cannot tell.",
        table(["", "wanted", "found", "reached?"], [_target(one) for one in targets(report)]),
    ]
    return "\n\n".join(parts)


def _closed(report: Report) -> str:
    echo, bare = (p50(report.legs[name, 1]) for name in (ECHO, BARE))
    rows = []
    for (name, at_once), legs in report.legs.items():
        mb = report.resident[name]
        alone = at_once == 1
        rows.append(
            [
                name,
                str(at_once),
                f"{calls(legs)}",
                f"{p50(legs):.2f}",
                f"{p99(legs):.2f}",
                f"{per_second(legs):.0f}",
                f"{p50(legs) / echo:.2f}" if alone else "",
                f"{p50(legs) / bare:.2f}" if alone else "",
                f"{cpu_ms(legs):.2f}",
                f"{generator_cpu_ms(legs):.2f}" if any(leg.generator_cpu for leg in legs) else "",
                "" if mb is None else f"{mb:.0f}",
                failures(code for leg in legs for code in leg.failed),
            ]
        )
    head = [
        "",
        "callers or threads",
        "calls",
        "p50 ms",
        "p99 ms",
        "calls/s",
        "p50, echo = 1",
        "p50, bare encoder = 1",
        "CPU ms a call",
        "generator's CPU ms a call",
        "resident MB",
        "failed",
    ]
    return table(head, rows)


def _opened(report: Report) -> str:
    rows = []
    for name, one in report.opened.items():
        answered, late = (
            [f"{percentile_ms(seconds, percent):.2f}" for percent in (50, 99)]
            for seconds in (one.asked.seconds, one.asked.late)
        )
        count, failed = str(len(one.asked.seconds)), failures(one.asked.failed)
        rows.append([name, f"{one.rate:.0f}", count, *answered, *late, failed])
    head = ["", "queries/s", "answered", "p50 ms", "p99 ms", "late, p50 ms", "late, p99 ms"]
    return table([*head, "failed"], rows)


def pictures(report: Report) -> Mapping[str, str]:
    """SVG files by name."""
    legs = report.legs
    alone = [(name, found) for (name, at_once), found in legs.items() if at_once == 1]
    # The echo decides nothing, and would press all others together.
    names = [BOTH, ALONE, WARM, PAIR, WARM_PAIR, FULL, *([] if report.missing else [LIBRARY])]
    deciding = {name: _by_callers(legs, name) for name in names}
    drawn = (
        {name: [("p50", p50(found)), ("p99", p99(found))] for name, found in alone},
        *(
            {name: [(at, of(found)) for at, found in by.items()] for name, by in deciding.items()}
            for of in (per_second, cpu_ms)
        ),
    )
    return {
        file: bars(groups, title=title)
        for (file, title), groups in zip(PICTURES.items(), drawn, strict=True)
    }


def _by_callers(legs: Legs, name: str) -> Mapping[str, Sequence[Leg]]:
    what = "thread" if name == LIBRARY else "caller"
    return {
        f"{at_once} {what}{'s' if at_once > 1 else ''}": found
        for (one, at_once), found in legs.items()
        if one == name
    }


def _inside(report: Report) -> str:
    head = [
        "",
        "decided by the static encoder, %",
        "these, as the caller sees it",
        "the others, as the caller sees it",
        "their encoding",
        "their search and scoring",
        "what is around: messages, threads, gRPC",
    ]
    rows = [[name, *_facts(inside(report.legs[name, 1]))] for name in LOOKED_INTO]
    return table(head, rows)


def _librarys_own(report: Report) -> list[str]:
    if report.missing:
        return []
    own = p50(report.legs[LIBRARY, 1]) - p50(report.legs[BARE, 1])
    return [f"{LIBRARY} less the bare encoder call, medians: {own:.2f} ms."]


def _facts(found: Inside) -> list[str]:
    times = (found.first, found.second, found.encode, found.own, found.around)
    return [f"{100 * found.first_share:.1f}", *(_ms(value) for value in times)]


def _ms(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"


def _target(target: Target) -> list[str]:
    found = target.found
    spread = "" if found.low == found.high else f" [{found.low:.2f}, {found.high:.2f}]"
    return [
        target.what,
        f"{target.wanted:.3g} or {'more' if target.at_least else 'less'}",
        f"{found.value:.2f}{spread}",
        verdict(target),
    ]


def verdict(target: Target) -> str:
    """Whether it is reached, and whether the rounds agree on that."""
    if target.reached:
        return "in doubt: not in every round" if target.in_doubt else "yes"
    return "no, though in some rounds" if target.in_doubt else "no"
