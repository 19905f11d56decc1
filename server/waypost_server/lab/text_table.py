"""Numbers and tables as text."""

from collections.abc import Collection, Sequence

from waypost_server.lab.bootstrap import Measured
from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.gain import Gain

GAIN_HEAD = ("before", "after", "change", "95% interval")
"""What `gain_cells` stand below."""


def changed_figures(before: Evaluation, after: Evaluation) -> list[str]:
    """Every figure of two evaluations, side by side."""
    rows = [["figure", "before", "after", "change"]]
    for name in FIGURES:
        rows.append([name, *delta(value(before.figures[name]), value(after.figures[name]))])
    return table(rows)


def value(measured: Measured | None) -> float | None:
    """The value of a figure that is known."""
    return measured.value if measured else None


def number(known: float | None) -> str:
    """Three digits after the point, which is finer than any interval; "-" for unknown."""
    return "-" if known is None else f"{known:.3f}"


def interval(measured: Measured | None) -> str:
    """The interval of a figure that is known."""
    return f"{measured.low:.3f} to {measured.high:.3f}" if measured else "-"


def delta(before: float | None, after: float | None) -> list[str]:
    """Before, after and the difference."""
    if before is None or after is None:
        return [number(before), number(after), "-"]
    return [number(before), number(after), f"{after - before:+.3f}"]


def gain_cells(gain: Gain) -> list[str]:
    """Before, after, the change and its interval."""
    return [
        f"{gain.before:.4f}",
        f"{gain.after:.4f}",
        f"{gain.after - gain.before:+.4f}",
        f"{gain.low:+.4f} to {gain.high:+.4f}",
    ]


def table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> list[str]:
    """Aligned lines, the head first; columns in `left` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
