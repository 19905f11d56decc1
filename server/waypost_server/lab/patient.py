"""What the doctor looks at."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from waypost_server.core.catalog import Catalog
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, Vectors
from waypost_server.lab.finding import Sentence


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Exemplars with their encodings, and what is configured of their routes.

    Attributes:
        catalog: all that is configured.
        exemplars: the exemplars as a table.
        encodings: of the exemplars, row for row, shape (n, width).
        dimension: length of the unit vector at the front of an encoding.
    """

    catalog: Catalog
    exemplars: ExemplarTable
    encodings: Encodings = field(repr=False)
    dimension: int

    @property
    def vectors(self) -> Vectors:
        """The exemplars' unit vectors, row for row, shape (n, dimension)."""
        return self.encodings[:, : self.dimension]

    def route_of(self, row: int) -> str:
        """The name of an exemplar's route."""
        return self.exemplars.routes[int(self.exemplars.route_ids[row])]

    def sentences(self, rows: Iterable[int]) -> tuple[Sentence, ...]:
        """The exemplars in those rows, each with its route."""
        return tuple(Sentence(self.route_of(row), self.exemplars.texts[row]) for row in rows)
