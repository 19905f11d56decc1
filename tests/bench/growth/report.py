"""What a run found, and what was wanted of it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tests.bench.growth.crossing import Crossing
from tests.bench.growth.measure import Point

FEW, MOST = 1_500, 1_000_000
"""Exemplars that are compared, 150 routes with 10 each and the most there may be."""

GROWTH, RESIDENT_MB = 1.5, 1_500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """All of a run.

    Attributes:
        by_exemplars: points of as many routes.
        by_routes: points of as many exemplars.
        crossings: exact search beside lists.
        encoder_ms: median time of the shipped encoder for one query.
    """

    by_exemplars: Sequence[Point]
    by_routes: Sequence[Point]
    crossings: Sequence[Crossing]
    encoder_ms: float


@dataclass(frozen=True, slots=True)
class Want:
    """A figure that is to be at most `wanted`."""

    what: str
    wanted: float
    found: float

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.found <= self.wanted


def wants(found: Growth) -> Iterator[Want]:
    """What is wanted of growth, and what was found."""
    points = {point.exemplars: point for point in found.by_exemplars}
    few, most = points[FEW], points[MOST]
    spans = f"{FEW:,} to {MOST:,} exemplars: median decision grows by a factor of"
    decided = [found.encoder_ms + point.answers["decide_p50_ms"] for point in (few, most)]
    yield Want(f"{spans}, encoder's median added", GROWTH, decided[1] / decided[0])
    if few.served and most.served:
        yield Want(f"{spans}, as a caller sees it", GROWTH, most.served.p50_ms / few.served.p50_ms)
        what = f"resident, a whole server of {MOST:,} exemplars, MB"
        yield Want(what, RESIDENT_MB, most.served.resident_mb)


def raw(found: Growth) -> dict[str, object]:
    """For `docs/benchmarks/growth.json`."""
    return {
        **asdict(found),
        "wants": [asdict(want) | {"reached": want.reached} for want in wants(found)],
    }
