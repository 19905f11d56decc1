"""Parameters of the shipped routes on labelled queries; `python -m` runs it."""

import json
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from tests.bench.pages import splice, table
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Catalog
from waypost_server.core.extraction.parameters import Parameters
from waypost_server.wiring.extracting import parameters_of

REPO = Path(__file__).parents[3]
PAGE = REPO / "docs/benchmarks.md"
RAW = REPO / "docs/benchmarks/params.json"
LABELLED = ("routes/eval/params/dev_assistant.jsonl", "routes/eval/params/third.jsonl")

TODAY = date(2026, 3, 18)
"""The day on which the labelled queries are asked."""

SETS = tuple((author, half) for author in ("own", "other", "third") for half in ("tune", "test"))
"""Author and half. The texts of the first are by the author of the lists of words, the others are
not, and say more of how good extraction is on texts that nobody has seen."""

RUNS = 200
"""Of each query, of which the median counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A query of a route, and what a person would extract."""

    route: str
    author: str
    half: str
    text: str
    params: Mapping[str, Any]
    missing: Sequence[str] = ()


@dataclass(slots=True)
class Counts:
    """Values that are right, that are wrong, and that are lacking; a wrong one may be both."""

    right: int = 0
    wrong: int = 0
    lacking: int = 0

    @property
    def precision(self) -> float:
        """Share of the values found that are right; 1 where there are none."""
        found = self.right + self.wrong
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of the values labelled that were found; 1 where there are none."""
        labelled = self.right + self.lacking
        return self.right / labelled if labelled else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        both = 2 * self.right + self.wrong + self.lacking
        return 2 * self.right / both if both else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one set.

    Attributes:
        queries: how many.
        counts: by parameter, "all" in the end.
        missing: queries whose missing parameters are named exactly.
    """

    queries: int
    counts: Mapping[str, Counts]
    missing: int


def read_labelled(repo: Path) -> tuple[Labelled, ...]:
    """The labelled queries."""
    texts = [(repo / path).read_text("utf-8") for path in LABELLED]
    return tuple(Labelled(**json.loads(line)) for text in texts for line in text.splitlines())


def chosen(queries: Iterable[Labelled], author: str, half: str) -> list[Labelled]:
    """Those of a set."""
    return [one for one in queries if (one.author, one.half) == (author, half)]


def shipped(repo: Path) -> tuple[Catalog, Parameters]:
    """The shipped routes, and what finds their parameters."""
    catalog = read_routes(repo / "routes").catalog
    parameters = parameters_of(catalog, today=lambda: TODAY)
    assert parameters
    return catalog, parameters


def measure(queries: Iterable[Labelled], catalog: Catalog, parameters: Parameters) -> Figures:
    """Exact values count, by parameter and in all."""
    counts: dict[str, Counts] = {}
    total, missing, size = Counts(), 0, 0
    for query in queries:
        size += 1
        found = parameters.of(catalog.routes[query.route], query.text)
        missing += list(found.missing) == list(query.missing)
        for name in sorted(found.params.keys() | query.params.keys()):
            value, label = found.params.get(name), query.params.get(name)
            for one in (counts.setdefault(name, Counts()), total):
                one.right += value == label
                one.wrong += value is not None and value != label
                one.lacking += label is not None and value != label
    ordered = {**dict(sorted(counts.items())), "all": total}
    return Figures(queries=size, counts=ordered, missing=missing)


def microseconds(
    queries: Sequence[Labelled], catalog: Catalog, parameters: Parameters
) -> Mapping[str, float]:
    """What one query of a route takes: the median over its queries."""
    took: dict[str, list[float]] = {}
    for query in queries:
        route, times = catalog.routes[query.route], []
        for _ in range(RUNS):
            began = time.perf_counter_ns()
            parameters.of(route, query.text)
            times.append(time.perf_counter_ns() - began)
        took.setdefault(query.route, []).append(statistics.median(times) / 1000)
    return {route: statistics.median(times) for route, times in sorted(took.items())}


def render(sets: Mapping[str, Figures], took: Mapping[str, float]) -> str:
    """A table of the parameters, and one of the time."""
    names = sorted({name for one in sets.values() for name in one.counts} - {"all"})
    rows = [
        [name, *(_cell(one.counts.get(name, Counts())) for one in sets.values())]
        for name in (*names, "all")
    ]
    exact = (f"{one.missing} of {one.queries}" for one in sets.values())
    head = ["precision, recall, F1 (values)", *sets]
    rows.append(["queries whose missing ones are named", *exact])
    times = [[route, f"{time:.0f}"] for route, time in took.items()]
    return "\n\n".join([table(head, rows), table(["route", "microseconds, p50"], times)])


def _cell(counts: Counts) -> str:
    labelled = counts.right + counts.lacking
    if not labelled and not counts.wrong:
        return "-"
    return f"{counts.precision:.2f}, {counts.recall:.2f}, {counts.f1:.2f} ({labelled})"


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    catalog, parameters = shipped(REPO)
    queries = read_labelled(REPO)
    sets = {
        f"{author} author, {half}": measure(chosen(queries, author, half), catalog, parameters)
        for author, half in SETS
    }
    took = microseconds(queries, catalog, parameters)
    raw = {"sets": {name: asdict(one) for name, one in sets.items()}, "microseconds": took}
    RAW.write_text(json.dumps(raw, indent=1) + "\n")
    text = render(sets, took)
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "params", text), encoding="utf-8")
    click.echo(f"{text}\n\nWrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}")


if __name__ == "__main__":
    main()
