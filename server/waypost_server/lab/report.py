"""All that an evaluation can be reported from."""

from dataclasses import dataclass

from waypost_server.lab.comparison import Comparison
from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.gate import BarResult
from waypost_server.lab.scatter import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        evaluation: of the bundle that was asked about.
        comparison: with another bundle; None when none was named.
        gate: the figures that must reach something; None when there is no gate.
        points: exemplars and queries on a plane.
    """

    evaluation: Evaluation
    comparison: Comparison | None
    gate: tuple[BarResult, ...] | None
    points: tuple[Point, ...]
