"""What a run found: its names, its targets, and the raw figures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.bench.serving.contest import Legs, OpenRound
from tests.bench.serving.figures import (
    Figure,
    Leg,
    Ratio,
    calls,
    cpu_ms,
    generator_cpu_ms,
    p50,
    p99,
    per_second,
    percentile_ms,
    ratio,
)
from tests.bench.serving.names import ALONE, BARE, BOTH, ECHO, FULL, LIBRARY, MIXED, WARM
from tests.bench.serving.stages import inside

MANY = 32
LOOKED_INTO = (BOTH, MIXED, FULL, ALONE, WARM)
CORES = 2

FIGURES: Mapping[str, Figure] = {
    "p50_ms": p50,
    "p99_ms": p99,
    "per_second": per_second,
    "cpu_ms": cpu_ms,
    "generator_cpu_ms": generator_cpu_ms,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of a run.

    Attributes:
        legs: of the closed loops.
        opened: of the open loops, by name.
        resident: MB at the end, by name.
        ready_seconds: from the start of a server with default settings until it is ready.
        ready_mb: what it holds then.
        setting: the machine and the versions, in a sentence.
        missing: why semantic-router was not asked; empty if it was.
    """

    legs: Legs
    opened: Mapping[str, OpenRound]
    resident: Mapping[str, float | None]
    ready_seconds: float
    ready_mb: float
    setting: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is wanted: at most `wanted`, or at least."""

    what: str
    wanted: float
    found: Ratio
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether it is, over all rounds."""
        return self._reaches(self.found.value)

    @property
    def in_doubt(self) -> bool:
        """Whether some rounds reached it and others did not."""
        return self._reaches(self.found.low) != self._reaches(self.found.high)

    def _reaches(self, value: float) -> bool:
        return value >= self.wanted if self.at_least else value <= self.wanted


def targets(report: Report) -> Iterator[Target]:
    """What is wanted of serving, and what was found."""
    legs = report.legs
    for name in (BOTH, FULL):
        yield Target(f"median decision, {_short(name)}, ms", 1.0, _alone(legs[name, 1], p50))
    for name in (BOTH, FULL, ALONE, WARM):
        what = f"p50 of {_short(name)} / p50 of the echo"
        yield Target(what, 3.0, ratio(legs[name, 1], legs[ECHO, 1], p50))
    for name in (BOTH, ALONE):
        what = f"p99 of {_short(name)} / p99 of the bare encoder"
        yield Target(what, 1.4, ratio(legs[name, 1], legs[BARE, 1], p99))
    for name in (BOTH, ALONE):
        what = f"decisions/s of {_short(name)}, {MANY} callers / bare encoder, {CORES} threads"
        found = ratio(legs[name, MANY], legs[BARE, CORES], per_second)
        yield Target(what, 0.85, found, at_least=True)
    if not report.missing:
        yield from _library_targets(legs)
    own = inside(legs[ALONE, 1]).own
    yield Target("search and scoring, ms", 0.25, Ratio(own, own, own))
    for what, wanted, value in (
        ("ready to serve, s", 2.0, report.ready_seconds),
        ("resident when ready, MB", 300.0, report.ready_mb),
    ):
        yield Target(what, wanted, Ratio(value, value, value))


def _library_targets(legs: Legs) -> Iterator[Target]:
    for name in (BOTH, ALONE):
        what = f"p50 of {_short(name)} / p50 of semantic-router"
        yield Target(what, 1 / 3, ratio(legs[name, 1], legs[LIBRARY, 1], p50))
    best = max((found for (name, _), found in legs.items() if name == LIBRARY), key=per_second)
    for name in (BOTH, ALONE):
        what = f"decisions/s of {_short(name)}, {MANY} callers / semantic-router's best threads"
        yield Target(what, 4.0, ratio(legs[name, MANY], best, per_second), at_least=True)


def raw(report: Report) -> dict[str, object]:
    """For `docs/benchmarks/serving.json`."""
    return {
        "setting": report.setting,
        "missing": report.missing,
        "ready_seconds": report.ready_seconds,
        "ready_mb": report.ready_mb,
        "resident_mb": report.resident,
        "closed": [
            {
                "name": name,
                "at_once": at_once,
                "calls": calls(legs),
                "failed": Counter(code for leg in legs for code in leg.failed),
                **{figure: of(legs) for figure, of in FIGURES.items()},
                "rounds": [{figure: of([leg]) for figure, of in FIGURES.items()} for leg in legs],
            }
            for (name, at_once), legs in report.legs.items()
        ],
        "open": {
            name: {
                "rate": one.rate,
                "calls": len(one.asked.seconds),
                "failed": Counter(one.asked.failed),
                **_percentiles("answered_ms", one.asked.seconds),
                **_percentiles("late_ms", one.asked.late),
            }
            for name, one in report.opened.items()
        },
        "inside": {name: inside(report.legs[name, 1]).as_dict() for name in LOOKED_INTO},
        "targets": [
            asdict(target) | {"reached": target.reached, "in_doubt": target.in_doubt}
            for target in targets(report)
        ],
    }


def _percentiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{q}_{name}": percentile_ms(seconds, q) for q in (50, 99)}


def _alone(legs: Sequence[Leg], figure: Figure) -> Ratio:
    rounds = [figure([leg]) for leg in legs]
    return Ratio(figure(legs), min(rounds), max(rounds))


def _short(name: str) -> str:
    return name.removeprefix("Waypost, ").replace(", no cache", "")
