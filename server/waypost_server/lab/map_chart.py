"""The map of exemplars and queries."""

from collections.abc import Sequence

import numpy as np

from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.markup import tag, text
from waypost_server.lab.scatter import Point

WIDTH, HEIGHT, EDGE = 960, 600, 16

PALETTE = (
    "#4269d0",
    "#e0a100",
    "#ff725c",
    "#3ca951",
    "#a463f2",
    "#17a5b8",
    "#ff8ab7",
    "#9c6b4e",
    "#7d9be0",
    "#8fb339",
)
"""Colours that are told apart on light and dark; more routes get hues of equal distance."""

MOST_POINTS = 4_000
"""Points drawn; more make a page slow and cannot be told apart."""

TIP_CHARACTERS = 300
"""Of a text, in a tooltip."""


def map_chart(points: Sequence[Point]) -> str:
    """The map with its legend; the page's script shows texts, dims routes and zooms."""
    labels = sorted({point.label for point in points} - {OUT_OF_SCOPE})
    colours = {label: _colour(i, len(labels)) for i, label in enumerate(labels)}
    if any(point.label == OUT_OF_SCOPE for point in points):
        colours[OUT_OF_SCOPE] = "var(--faint)"
    position = {label: i for i, label in enumerate(colours)}
    drawn = _sample(points)
    dots = (
        tag(
            "circle",
            {
                "cx": EDGE + point.x * (WIDTH - 2 * EDGE),
                "cy": EDGE + (1 - point.y) * (HEIGHT - 2 * EDGE),
                "class": point.kind,
                "style": f"--c:{colours[point.label]}",
                "data-route": position[point.label],
                "data-tip": _tip(point),
            },
        )
        for point in drawn
    )
    legend = (
        tag(
            "button",
            {"type": "button", "data-route": i, "aria-pressed": "false"},
            tag("i", {"style": f"--c:{colours[label]}"}),
            text(label),
        )
        for label, i in position.items()
    )
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": "Map of exemplars"}
    left_out = (
        f"A random {len(drawn):,} of {len(points):,} points are drawn."
        if len(drawn) < len(points)
        else ""
    )
    return (
        tag("div", {"class": "legend", "id": "legend"}, *legend)
        + tag("svg", {"id": "map", **box}, *dots)
        + tag("p", {"class": "note"}, left_out)
    )


def _sample(points: Sequence[Point]) -> Sequence[Point]:
    if len(points) <= MOST_POINTS:
        return points
    chosen = np.random.default_rng(0).choice(len(points), MOST_POINTS, replace=False)
    return [points[i] for i in np.sort(chosen)]


def _tip(point: Point) -> str:
    quoted = " ".join(point.text.split())[:TIP_CHARACTERS]
    if point.kind == "exemplar":
        return f"exemplar of {point.label}\n{quoted}"
    taken = "" if point.kind == "right" else f", taken for {point.called}"
    return f"query of {point.label}{taken}\n{quoted}"


def _colour(position: int, total: int) -> str:
    if total <= len(PALETTE):
        return PALETTE[position]
    hue = position * 137.508 % 360  # the golden angle: neighbours are far apart
    return f"hsl({hue:.0f} {60 + 15 * (position % 2)}% {46 + 6 * (position % 3)}%)"
