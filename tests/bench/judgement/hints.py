"""What marked exemplars are worth for hints: `python -m tests.bench.judgement.hints`."""

import json
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.pages import splice, table
from tests.indexing import build_index
from waypost_server.core.query import Query
from waypost_server.service.routed import Routed
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine

REPO = Path(__file__).parents[3]
RAW = REPO / "docs/benchmarks/hints.json"
PAGE = REPO / "docs/benchmarks.md"
LABELLED = Path(__file__).with_name("hints.jsonl")


@dataclass(frozen=True, slots=True)
class Figures:
    """One route: shares of its queries whose effort is told rightly, and the cost of a vote."""

    route: str
    queries: int
    own: float
    best_constant: float
    voted: float
    vote_us: float


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    with TemporaryDirectory() as folder:
        settings = Settings.load(
            routes=REPO / "routes",
            index=Path(folder),
            encoder=REPO / "models/all-MiniLM-L6-v2",
            static_encoder=REPO / "models/all-MiniLM-L6-v2-static",
        )
        build_index(settings)
        found = _measure(settings)
    RAW.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "hints", render(found)), "utf-8")


def _measure(settings: Settings) -> list[Figures]:
    engine = load_engine(settings)
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    found = []
    for route in sorted({row["route"] for row in rows}):
        asked = [row for row in rows if row["route"] == route]
        # To that route, wherever it would go: it is about hints here.
        queries = [Query(text=row["text"], allowed_routes=frozenset({route})) for row in asked]
        answers = engine.after_encoding([(query, engine.now()) for query in queries])
        own = engine.router.catalog.routes[route].hints.reasoning_effort
        labels = [row["reasoning_effort"] for row in asked]
        told = [
            answer.decision.hints.reasoning_effort
            if isinstance(answer, Routed)
            and answer.decision.hints
            and answer.decision.route.name == route
            else own
            for answer in answers
        ]
        [stage] = [one for one in engine.judgement.after if hasattr(one, "ballots")]
        times = []
        for query, answer in zip(queries, answers, strict=True):
            assert isinstance(answer, Routed)
            began = time.perf_counter_ns()
            stage(query, answer.decision)
            times.append((time.perf_counter_ns() - began) / 1e3)
        found.append(
            Figures(
                route=route,
                queries=len(asked),
                own=labels.count(str(own)) / len(asked),
                best_constant=max(Counter(labels).values()) / len(asked),
                voted=sum(a == b for a, b in zip(told, labels, strict=True)) / len(asked),
                vote_us=statistics.median(times),
            )
        )
    return found


def render(found: list[Figures]) -> str:
    """The section."""
    header = ["route", "queries", "its own hint", "the best constant", "marked exemplars", "cost"]
    rows = [
        [
            one.route,
            str(one.queries),
            f"{one.own:.1%}",
            f"{one.best_constant:.1%}",
            f"{one.voted:.1%}",
            f"{one.vote_us:.0f} microseconds",
        ]
        for one in found
    ]
    return table(header, rows)


if __name__ == "__main__":
    main()
