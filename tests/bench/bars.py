"""A chart of lying bars, in groups, as an SVG file that a page can show."""

from collections.abc import Mapping, Sequence

from tests.bench.chart import COLOURS, WORDS, picture, word
from waypost_server.lab.markup import tag

WIDTH, LEFT, RIGHT, TOP = 820, 390, 120, 34
BAR, GAP = 15, 9


def bars(groups: Mapping[str, Sequence[tuple[str, float]]], *, title: str) -> str:
    """Named groups of bars, each with a name of its own and a value from 0 on.

    Bars of one name have one colour, that of its place in the first group that has it.
    """
    colours: dict[str, str] = {}
    for group in groups.values():
        for (label, _), colour in zip(group, COLOURS, strict=False):
            colours.setdefault(label, colour)
    most = max(value for group in groups.values() for _, value in group)
    parts = [word(title, LEFT, TOP - 14, "start", WORDS)]
    y = TOP
    for name, group in groups.items():
        parts.append(word(name, LEFT - 10, y + BAR * len(group) / 2 + 4, "end"))
        for label, value in group:
            long = (WIDTH - LEFT - RIGHT) * value / most
            place = {"x": LEFT, "y": y, "width": long, "height": BAR - 2, "fill": colours[label]}
            parts.append(tag("rect", place))
            parts.append(word(f"{_short(value)} ({label})", LEFT + long + 6, y + BAR - 4, "start"))
            y += BAR
        y += GAP
    return picture(WIDTH, y + GAP, parts)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
