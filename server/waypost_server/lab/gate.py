"""Whether the figures of an evaluation are good enough."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost_server.core.gate import Bar
from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.per_route import ROUTE_FIGURES


@dataclass(frozen=True, slots=True)
class BarResult:
    """A bar and the figure that was held against it; None where the queries cannot tell."""

    bar: Bar
    value: float | None

    @property
    def passed(self) -> bool:
        """Whether the figure is good enough; one that is not known is not."""
        if self.value is None:
            return False
        low, high = self.bar.at_least, self.bar.at_most
        return (low is None or self.value >= low) and (high is None or self.value <= high)

    @property
    def sentence(self) -> str:
        """The figure, its value and its bar."""
        bar = self.bar
        name = f"{bar.figure} of {bar.route}" if bar.route else bar.figure
        limits = [
            f"{word} {limit:g}"
            for word, limit in (("at least", bar.at_least), ("at most", bar.at_most))
            if limit is not None
        ]
        found = "not known: no query tells" if self.value is None else f"{self.value:.4f}"
        return f"{name} is {found}, wanted {' and '.join(limits)}"


def check_gate(evaluation: Evaluation, bars: Sequence[Bar]) -> tuple[BarResult, ...]:
    """Holds the figures against the bars, in their order."""
    per_route = {figures.route: figures for figures in evaluation.per_route}
    results = []
    for bar in bars:
        if bar.route:
            value = ROUTE_FIGURES[bar.figure](per_route[bar.route])
        else:
            measured = evaluation.figures[bar.figure]
            value = measured.value if measured else None
        results.append(BarResult(bar, value))
    return tuple(results)
