"""A chart of lines over a logarithmic x, as an SVG file that a page can show."""

import math
from collections.abc import Iterable, Mapping, Sequence

from waypost_server.lab.markup import tag, text

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 16, 44
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df")
GRID = "#d0d7de"
WORDS = "#57606a"
STEPS = 4

Line = Sequence[tuple[float, float]]


def chart(lines: Mapping[str, Line], *, x_title: str, y_title: str) -> str:
    """Named lines of points (x, y); x is above 0, y starts at 0."""
    points = [point for line in lines.values() for point in line]
    low, high = (math.log10(end(x for x, _ in points)) for end in (min, max))
    top = _round_up(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(x) - low) / ((high - low) or 1)
        across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + share * across, HEIGHT - BOTTOM - y / top * down

    parts = []
    for step in range(STEPS + 1):
        value = top * step / STEPS
        (left, y), (right, _) = place(10**low, value), place(10**high, value)
        parts += [_path([(left, y), (right, y)], GRID), word(f"{value:g}", LEFT - 8, y + 4, "end")]
    for x in sorted({x for x, _ in points}):
        parts.append(word(f"{x:,.0f}", place(x, 0)[0], HEIGHT - BOTTOM + 18, "middle"))
    for (name, line), colour in zip(lines.items(), COLOURS, strict=False):
        placed = [place(x, y) for x, y in line]
        parts.append(_path(placed, colour, 2))
        parts += [tag("circle", {"cx": x, "cy": y, "r": 3, "fill": colour}) for x, y in placed]
        parts.append(word(name, placed[-1][0] + 8, placed[-1][1] + 4, "start", colour))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts += [
        word(x_title, middle, HEIGHT - 8, "middle"),
        word(y_title, LEFT - 40, TOP - 4, "start"),
    ]
    return picture(WIDTH, HEIGHT, parts)


def picture(width: int, height: int, parts: Iterable[str]) -> str:
    """An SVG file; its ground is white, whatever the page's is, so that all colours are legible."""
    ground = tag("rect", {"width": width, "height": height, "fill": "#ffffff"})
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    about = {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", "font-size": 12}
    return str(tag("svg", {**size, **about}, ground, *parts)) + "\n"


def _round_up(value: float) -> float:
    """To the next of 1, 2, 4, 5, 8 times a power of ten, each of which a grid divides well."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def _path(points: Line, colour: str, width: int = 1) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag(
        "polyline", {"points": path, "fill": "none", "stroke": colour, "stroke-width": width}
    )


def word(content: str, x: float, y: float, anchor: str, colour: str = WORDS) -> str:
    """A word whose start, middle or end is at a place."""
    return tag(
        "text",
        {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": colour},
        text(content),
    )
