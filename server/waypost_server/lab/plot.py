"""Axes of a chart: from numbers to places in an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost_server.lab.markup import tag, text

LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A chart whose x goes from 0 to 1 and whose y from `floor` to 1; sizes are pixels."""

    x_title: str
    y_title: str
    floor: float = 0.0
    width: int = 480
    height: int = 360

    def x(self, value: float) -> float:
        """Where a value of x stands."""
        return LEFT + value * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value of y stands."""
        share = (value - self.floor) / (1 - self.floor)
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], style: str) -> str:
        """A line through points given as values."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return tag("polyline", {"points": path, "class": style})

    def dot(self, x: float, y: float, style: str, tip: str) -> str:
        """A point that says `tip` when the pointer is on it."""
        place = {"cx": self.x(x), "cy": self.y(y), "r": 5}
        return tag("circle", {**place, "class": style, "data-tip": tip})

    def drawn(self, label: str, *content: str) -> str:
        """The chart with its axes."""
        parts: list[str] = []
        for i in range(6):
            share = i / 5
            value = self.floor + share * (1 - self.floor)
            parts += [
                self.line([(0, value), (1, value)], "grid"),
                self._word(f"{value:.2g}", LEFT - 8, self.y(value) + 4, "end"),
                self._word(f"{share:.1f}", self.x(share), self.height - BOTTOM + 18, "middle"),
            ]
        centre = self.y((1 + self.floor) / 2)
        parts += [
            self._word(self.x_title, self.x(0.5), self.height - 6, "middle"),
            tag(
                "g",
                {"transform": f"translate(14 {centre:.0f}) rotate(-90)"},
                self._word(self.y_title, 0, 0, "middle"),
            ),
        ]
        size = {"viewBox": f"0 0 {self.width} {self.height}", "width": self.width}
        return tag("svg", {**size, "role": "img", "aria-label": label}, *parts, *content)

    def _word(self, word: str, x: float, y: float, anchor: str) -> str:
        return tag("text", {"x": x, "y": y, "text-anchor": anchor}, text(word))
