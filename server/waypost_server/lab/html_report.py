"""An evaluation as one self-contained HTML page: no network, no library, light and dark."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from waypost_server.core.ranking import NearestExemplar
from waypost_server.lab.bootstrap import Measured
from waypost_server.lab.comparison import Change, Comparison
from waypost_server.lab.confusion_chart import confusion_chart
from waypost_server.lab.curves import coverage_chart, reliability_chart
from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.gate import BarResult
from waypost_server.lab.judged import Judged
from waypost_server.lab.map_chart import map_chart
from waypost_server.lab.markup import table, tag, text
from waypost_server.lab.per_route import RouteFigures
from waypost_server.lab.report import Report

HEADLINE = ("accuracy", "coverage", "coverage_accuracy", "oos_recall", "auroc", "ece")
"""Figures at the top of the page."""

ROWS = 1_000
"""Rows of a list; the JSON object has all."""

UNKNOWN = "-"
"""In place of a figure that the queries cannot tell."""

PAIRS = 12
"""Commonest confusions that are listed."""


def as_html(report: Report) -> str:
    """The page."""
    found = report.evaluation
    subject, total = found.subject, len(found.judged)
    page = Template(_resource("page.html"))
    return page.substitute(
        style=_resource("page.css"),
        script=_resource("page.js"),
        subject=text(
            f"index {subject.index_version} · encoder {subject.encoder} · calibration "
            f"{subject.calibration} · {total:,} queries, {found.in_scope:,} in scope and "
            f"{total - found.in_scope:,} out of scope"
        ),
        gate="" if report.gate is None else _gate(report.gate),
        comparison="" if report.comparison is None else _comparison(report.comparison),
        cards="".join(_card(name, found) for name in HEADLINE),
        figures=_figures(found),
        outcomes=_outcomes(found),
        reliability=reliability_chart(found.reliability, subject.min_confidence),
        coverage=coverage_chart(found.coverage, subject.min_confidence),
        min_confidence=f"{subject.min_confidence:g}",
        confusion=confusion_chart(found.confusion),
        pairs=_pairs(found),
        map=map_chart(report.points),
        routes=_routes(found.per_route),
        mistake_count=f"{len(found.mistakes):,}",
        mistakes=_mistakes(found.mistakes[:ROWS]),
    )


def _resource(name: str) -> str:
    return files("waypost_server.lab").joinpath("page", name).read_text(encoding="utf-8")


def _card(name: str, found: Evaluation) -> str:
    measured = found.figures[name]
    value = tag("strong", {}, f"{measured.value:.3f}" if measured else UNKNOWN)
    interval = tag("small", {}, _interval(measured))
    meaning = tag("span", {}, text(_meaning(name, found)))
    return tag("div", {"class": "card"}, tag("b", {}, text(name)), value, interval, meaning)


def _figures(found: Evaluation) -> str:
    rows = (
        [text(name), _number(m.value if m else None), _interval(m), text(_meaning(name, found))]
        for name, m in found.figures.items()
    )
    return table(["figure", "value", "95% interval", "what it is"], rows, style="numbers")


def _meaning(name: str, found: Evaluation) -> str:
    minimum = f"{found.subject.min_confidence:g}"
    return FIGURES[name].meaning.replace("min_confidence", minimum)


def _outcomes(found: Evaluation) -> str:
    rows = [
        [text(outcome.value), f"{inside:,}", f"{outside:,}"]
        for outcome, (inside, outside) in found.outcomes.items()
    ]
    if any(found.plans):
        rows.append(["of these plans", *(f"{count:,}" for count in found.plans)])
    return table(["outcome", "in scope", "out of scope"], rows, style="numbers")


def _pairs(found: Evaluation) -> str:
    pairs = found.confusion.worst_pairs(PAIRS)
    rows = ([text(label), text(called), f"{count:,}"] for label, called, count in pairs)
    return table(["label", "taken for", "queries"], rows) if pairs else "None."


def _routes(per_route: Sequence[RouteFigures]) -> str:
    rows = (
        [
            text(figures.route),
            f"{figures.support:,}",
            f"{figures.called:,}",
            *(_meter(value) for value in (figures.precision, figures.recall, figures.f1)),
        ]
        for figures in per_route
    )
    head = ["route", "queries", "taken for it", "precision", "recall", "f1"]
    return table(head, rows, style="numbers")


def _mistakes(mistakes: Iterable[Judged]) -> str:
    rows = (
        [
            f"{row.confidence:.2f}",
            tag("div", {"class": "query"}, text(row.query.text))
            + tag("small", {}, text(row.query.source)),
            text(row.query.label),
            text(row.called),
            text(row.outcome.value),
            _exemplar(row.best, row.nearest),
            _exemplar(row.query.label, row.nearest_right),
        ]
        for row in mistakes
    )
    head = ["confidence", "query", "label", "taken for", "outcome", "nearest of the best candidate"]
    return table([*head, "nearest of the right route"], rows, style="mistakes")


def _exemplar(route: str, exemplar: NearestExemplar | None) -> str:
    if exemplar is None:
        return UNKNOWN
    head = tag("small", {}, f"{text(route)} {exemplar.similarity:.2f}")
    return head + tag("div", {"class": "query"}, text(exemplar.text))


def _comparison(comparison: Comparison) -> str:
    before, after = comparison.before, comparison.after
    figures = (
        [text(name), *_delta(_value(before.figures[name]), _value(after.figures[name]))]
        for name in FIGURES
    )
    routes = ([text(route), *_delta(old, new)] for route, old, new in comparison.recalls)
    versions = f"{before.subject.index_version} → {after.subject.index_version}"
    head = ["before", "after", "change"]
    return tag(
        "section",
        {},
        tag("h2", {}, "What changed"),
        tag("p", {}, text(versions)),
        tag("p", {"class": f"verdict {comparison.worst}"}, text(comparison.verdict)),
        tag(
            "div",
            {"class": "pair"},
            table(["figure", *head], figures, style="numbers"),
            table(["recall of", *head], routes, style="numbers"),
        ),
        _changes("Became wrong", comparison.became_wrong),
        _changes("Became right", comparison.became_right),
    )


def _changes(title: str, changes: Sequence[Change]) -> str:
    rows = (
        [
            tag("div", {"class": "query"}, text(change.after.query.text)),
            text(change.after.query.label),
            *(f"{text(row.called)} {row.confidence:.2f}" for row in (change.before, change.after)),
        ]
        for change in changes[:ROWS]
    )
    found = table(["query", "label", "before", "after"], rows) if changes else ""
    return tag("h3", {}, f"{title}: {len(changes):,}") + found


def _gate(results: Sequence[BarResult]) -> str:
    items = (
        tag(
            "li",
            {"class": "passed" if result.passed else "missed"},
            "passed: " if result.passed else "missed: ",
            text(result.sentence),
        )
        for result in results
    )
    return tag("section", {}, tag("h2", {}, "Gate"), tag("ul", {"class": "gate"}, *items))


def _value(measured: Measured | None) -> float | None:
    return measured.value if measured else None


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _interval(measured: Measured | None) -> str:
    return f"{measured.low:.3f} to {measured.high:.3f}" if measured else UNKNOWN


def _meter(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return tag("span", {"class": "meter", "style": f"--v:{value:.3f}"}, f"{value:.3f}")


def _delta(before: float | None, after: float | None) -> list[str]:
    change = UNKNOWN if before is None or after is None else f"{after - before:+.3f}"
    return [_number(before), _number(after), change]
