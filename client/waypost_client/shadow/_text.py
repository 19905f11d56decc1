"""The report on shadow runs for a person."""

from collections.abc import Iterator, Sequence

from waypost_client.shadow._comparison import Comparison, Figure
from waypost_client.shadow._intervals import Interval
from waypost_client.shadow._reading import Lines
from waypost_client.shadow._report import OVERALL, Report

_HEAD = ("", "live", "candidate", "difference", "95% interval", "queries", "candidate is")
_LABELS = {
    "answered": "answered",
    "fell_back": "fell back",
    "rejected": "rejected",
    "failed": "failed",
    "latency_s": "latency, median",
    "latency_p90_s": "latency, p90",
    "cost_usd": "cost, mean",
    "output_tokens": "output tokens, mean",
}
_UNITS = {"latency_s": " s", "latency_p90_s": " s", "cost_usd": " $"}


def report_text(report: Report, lines: Lines) -> str:
    """A block for each candidate and route, and what was not counted."""
    blocks = [
        "\n".join(_block(f"{name}, {route or 'all routes'}", comparison))
        for name, routes in report.items()
        for route, comparison in routes.items()
        # One route is all routes.
        if route == OVERALL or len(routes) > 2
    ]
    return "\n\n".join([*blocks, _closing(lines)])


def _block(title: str, comparison: Comparison) -> Iterator[str]:
    compared = comparison.compared
    yield f"{title}: {_counted(comparison.runs, 'run')}{_uncompared(comparison)}"
    if not compared:
        yield "  nothing to compare"
        return
    yield (
        f"  same route {comparison.same_route / compared:.1%}, "
        f"same text {comparison.same_text / compared:.1%}"
    )
    rows = [_HEAD, *(_row(figure) for figure in comparison.figures())]
    yield from (f"  {line}" for line in _table(rows))


def _uncompared(comparison: Comparison) -> str:
    left = ", ".join(f"{count} {why}" for why, count in sorted(comparison.uncompared.items()))
    return f", not compared: {left}" if left else ""


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        _LABELS[figure.name],
        _side(figure, figure.live, figure.live_interval),
        _side(figure, figure.candidate, figure.candidate_interval),
        _number(figure, figure.difference, sign="+"),
        _interval(figure, figure.interval, sign="+"),
        str(figure.queries),
        figure.verdict or "",
    )


def _side(figure: Figure, value: float | None, interval: Interval | None) -> str:
    within = f" ({_interval(figure, interval)})" if interval else ""
    return _number(figure, value) + within


def _interval(figure: Figure, interval: Interval | None, *, sign: str = "") -> str:
    if interval is None:
        return ""
    low, high = (_digits(figure, each, sign) for each in (interval.low, interval.high))
    return f"{low} to {high}"


def _number(figure: Figure, value: float | None, *, sign: str = "") -> str:
    return "" if value is None else _digits(figure, value, sign) + _UNITS.get(figure.name, "")


def _digits(figure: Figure, value: float, sign: str) -> str:
    if figure.name == "output_tokens":
        return f"{value:{sign}.0f}"
    # A query may cost a hundredth of a cent.
    return f"{value:{sign}.6f}" if figure.name == "cost_usd" else f"{value:{sign}.3f}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *middle, last in rows:
        cells = [cell.rjust(width) for cell, width in zip(middle, widths[1:], strict=False)]
        yield "  ".join([first.ljust(widths[0]), *cells, last]).rstrip()


def _closing(lines: Lines) -> str:
    left = [
        f"{_counted(lines.damaged, 'damaged line')} skipped" if lines.damaged else "",
        f"{_counted(lines.repeated, 'repeated record')} skipped" if lines.repeated else "",
    ]
    return "; ".join([_counted(lines.runs, "run") + " read", *filter(None, left)])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
