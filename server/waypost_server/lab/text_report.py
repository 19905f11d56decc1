"""An evaluation as text for a person: aligned columns, the gist of each list."""

from collections.abc import Iterator, Sequence

from waypost_server.core.outcome import Outcome
from waypost_server.core.ranking import NearestExemplar
from waypost_server.lab.comparison import Change, Comparison
from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.judged import Judged
from waypost_server.lab.per_route import RouteFigures
from waypost_server.lab.text_table import changed_figures, delta, interval, number, table, value

SHOWN = 10
"""Rows of a list that are shown; the JSON object and the page have all."""

WIDTH = 100
"""Characters of a text that are shown."""

MOST_ROUTES = 30
"""Routes that are shown one by one, the worst if there are more."""

MATRIX_ROUTES = 12
"""Routes up to which a confusion matrix can be read in a terminal."""


def evaluation_text(evaluation: Evaluation) -> str:
    """The evaluation on some lines."""
    blocks = [
        [_headline(evaluation)],
        _figures(evaluation),
        _outcomes(evaluation),
        _routes(evaluation.per_route),
        _confusion(evaluation),
        _mistakes(evaluation.mistakes),
        _lost(evaluation.lost),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def comparison_text(comparison: Comparison) -> str:
    """What changed, on some lines."""
    before, after = comparison.before, comparison.after
    versions = f"{before.subject.index_version} -> {after.subject.index_version}"
    routes = [["recall of", "before", "after", "change"]] + [
        [route, *delta(old, new)] for route, old, new in comparison.recalls[:MOST_ROUTES]
    ]
    blocks = [
        [f"compared: {versions}", comparison.verdict],
        changed_figures(before, after),
        table(routes),
        _changes("became wrong", comparison.became_wrong),
        _changes("became right", comparison.became_right),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _headline(evaluation: Evaluation) -> str:
    subject, total = evaluation.subject, len(evaluation.judged)
    return (
        f"index {subject.index_version}, encoder {subject.encoder}, calibration "
        f"{subject.calibration}: {total:,} queries, {evaluation.in_scope:,} in scope and "
        f"{total - evaluation.in_scope:,} out of scope"
    )


def _figures(evaluation: Evaluation) -> list[str]:
    minimum = f"{evaluation.subject.min_confidence:g}"
    rows = [["figure", "value", "95% interval", "what it is"]]
    for name, measured in evaluation.figures.items():
        meaning = FIGURES[name].meaning.replace("min_confidence", minimum)
        rows.append([name, number(value(measured)), interval(measured), meaning])
    return table(rows, left={0, 3})


def _outcomes(evaluation: Evaluation) -> list[str]:
    rows = [["outcome", "in scope", "out of scope"]]
    rows += [
        [outcome.value, f"{inside:,}", f"{outside:,}"]
        for outcome, (inside, outside) in evaluation.outcomes.items()
    ]
    if any(evaluation.plans):
        rows.append(["of these plans", *(f"{count:,}" for count in evaluation.plans)])
    return table(rows)


def _routes(per_route: Sequence[RouteFigures]) -> list[str]:
    rows = [["route", "queries", "taken for it", "precision", "recall", "f1"]]
    rows += [
        [
            figures.route,
            f"{figures.support:,}",
            f"{figures.called:,}",
            number(figures.precision),
            number(figures.recall),
            number(figures.f1),
        ]
        for figures in _worst(per_route)
    ]
    return table(rows)


def _worst(per_route: Sequence[RouteFigures]) -> Sequence[RouteFigures]:
    if len(per_route) <= MOST_ROUTES:
        return per_route
    known = [
        (figures.f1, figures.route, figures) for figures in per_route if figures.f1 is not None
    ]
    return [figures for _, _, figures in sorted(known, key=lambda row: row[:2])[:MOST_ROUTES]]


def _confusion(evaluation: Evaluation) -> list[str]:
    confusion = evaluation.confusion
    if len(confusion.labels) > MATRIX_ROUTES:
        pairs = confusion.worst_pairs(SHOWN)
        rows = [["label", "taken for", "queries"], *([a, b, str(n)] for a, b, n in pairs)]
        return table(rows, left={0, 1}) if pairs else []
    letters = [f"({chr(ord('a') + i)})" for i in range(len(confusion.labels))]
    rows = [["label \\ taken for", *letters]]
    rows += [
        [f"{letter} {label}", *(str(count) if count else "." for count in counts)]
        for letter, label, counts in zip(
            letters, confusion.labels, confusion.counts.tolist(), strict=True
        )
    ]
    return table(rows)


def _mistakes(mistakes: Sequence[Judged]) -> list[str]:
    if not mistakes:
        return ["mistakes: none"]
    lines = [_list_head("mistakes, the surest first", len(mistakes))]
    for row in mistakes[:SHOWN]:
        sent = "" if row.outcome is not Outcome.FALLBACK else f", fell back to {row.route}"
        sent = f", sent to {_sent_to(row)}" if row.plan else sent
        lines.append(
            f"  {row.confidence:.2f} {row.query.label} -> {row.called}{sent}  [{row.query.source}]"
        )
        lines.append(f"       {short(row.query.text, WIDTH)}")
        lines.extend(_nearest(row))
    return lines


def _lost(lost: Sequence[Judged]) -> list[str]:
    if not lost:
        return []
    lines = [_list_head("taken for what they are, and yet sent elsewhere", len(lost))]
    for row in lost[:SHOWN]:
        lines.append(f"  {row.confidence:.2f} {row.query.label}, sent to {_sent_to(row)}")
        lines.append(f"       {short(row.query.text, WIDTH)}")
    return lines


def _sent_to(row: Judged) -> str:
    return f"{', then '.join(row.plan)} as a plan" if row.plan else row.route


def _nearest(row: Judged) -> Iterator[str]:
    shown: list[tuple[str, NearestExemplar | None]] = [(row.best, row.nearest)]
    if row.query.label != row.best:
        shown.append((row.query.label, row.nearest_right))
    for route, exemplar in shown:
        if exemplar is not None:
            quoted = short(exemplar.text, WIDTH - 20)
            yield f"       nearest of {route}: {exemplar.similarity:.2f} {quoted}"


def _changes(title: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = [_list_head(title, len(changes))]
    for change in changes[:SHOWN]:
        before, after, query = change.before, change.after, change.after.query
        lines.append(
            f"  {query.label}: {before.called} {before.confidence:.2f} -> "
            f"{after.called} {after.confidence:.2f}  [{query.source}]"
        )
        lines.append(f"       {short(query.text, WIDTH)}")
    return lines


def _list_head(title: str, total: int) -> str:
    more = f", {SHOWN} of them here, all with --json or --html" if total > SHOWN else ""
    return f"{title}: {total}{more}"


def short(text: str, width: int) -> str:
    """The text on one line of `width` characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"
