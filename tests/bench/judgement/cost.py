"""What the stages besides similarity cost: the shipped routes as they are, and without them."""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import click
import yaml

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import PAGE, REPO
from tests.bench.judgement.stage_costs import stage_microseconds
from tests.bench.pages import splice, table
from tests.e2e.processes import waypost
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Conversation, Query
from waypost_server.service.version import Served
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine

RAW = REPO / "docs/benchmarks/judgement_cost.json"
ROUNDS = 5
TAXONOMY = {"default_route", "min_confidence", "margin", "language", "limits"}
ROUTE = {"description", "threshold", "fallback_route", "specialist"}
"""What similarity alone needs of the files; all else configures a stage."""

BY_STAGE = """Each stage by itself, right after it was asked the same: without what it takes to
fetch code and data into the caches again, which the transformer and other work empty between two
queries, and which is most of what the stages cost."""


def main() -> None:
    """Measures, and writes the section."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(REPO / "routes", folder / "plain")
        _strip(folder / "plain")
        engines = {
            "all stages": _served(REPO / "routes", folder / "index-all"),
            "similarity alone": _served(folder / "plain", folder / "index-plain"),
        }
        texts = [
            json.loads(line)["text"]
            for line in (REPO / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
        ]
        found: dict[str, list[float]] = {name: [] for name in engines}
        for number in range(ROUNDS):
            click.echo(f"round {number + 1} of {ROUNDS}", err=True)
            for text in texts:
                for name, served in engines.items():
                    found[name].append(_microseconds(served, text))
    hot = stage_microseconds(engines["all stages"], [_query(text) for text in texts])
    figures = {name: _figures(times) for name, times in found.items()}
    by_stage = {name: _figures(times) for name, times in hot.items()}
    RAW.write_text(json.dumps(figures | {"stages hot": by_stage}, indent=1))
    section = f"{render(found)}\n\n{BY_STAGE}\n\n{render_stages(hot)}"
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "judgement-cost", section), "utf-8")
    click.echo(section)


def render(found: dict[str, list[float]]) -> str:
    """The section's table, in microseconds."""
    added = [a - b for a, b in zip(*found.values(), strict=True)]
    rows = {**found, "added, query by query": added}
    return table(
        ["", "p50 µs", "p90 µs", "p99 µs"],
        [[name, *(f"{value:,.0f}" for value in _figures(times))] for name, times in rows.items()],
    )


def render_stages(hot: Mapping[str, Sequence[float]]) -> str:
    """The table of the stages by themselves, in microseconds."""
    return table(
        ["stages hot", "queries", "p50 µs", "p90 µs", "p99 µs"],
        [
            [name, str(len(times)), *(f"{value:,.1f}" for value in _figures(times))]
            for name, times in hot.items()
        ],
    )


def _figures(times: Sequence[float]) -> list[float]:
    cuts = quantiles(times, n=100)
    return [median(times), cuts[89], cuts[98]]


def _strip(routes: Path) -> None:
    for path in (routes / "rules.yaml", *routes.rglob("hints.jsonl")):
        path.unlink(missing_ok=True)
    for path in routes.rglob("*.yaml"):
        kept = {"taxonomy.yaml": TAXONOMY, "route.yaml": ROUTE}.get(path.name)
        if kept:
            said = yaml.safe_load(path.read_text("utf-8"))
            path.write_text(yaml.safe_dump({k: v for k, v in said.items() if k in kept}))


def _served(routes: Path, index: Path) -> Served:
    built = waypost("build", "--no-gate", "--routes", str(routes), "--index", str(index))
    if built.returncode:
        raise click.ClickException(built.stderr)
    engine = load_engine(Settings.load(index=index, cache_entries=0))
    engine.encoder = Timed(engine.encoder)
    return Served.of(engine)


class Timed:
    """An encoder, and the nanoseconds that it took so far."""

    def __init__(self, encoder: Encoder) -> None:
        self.took_ns = 0
        self._encoder = encoder
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension, self.width = encoder.dimension, encoder.width

    def encode(self, texts: Sequence[str]) -> Encodings:
        began = time.perf_counter_ns()
        found = self._encoder.encode(texts)
        self.took_ns += time.perf_counter_ns() - began
        return found


def _microseconds(served: Served, text: str) -> float:
    """What a decision takes from the text to the contract, without the encoder."""
    engine = served.engine
    query = _query(text)
    assert isinstance(engine.encoder, Timed)
    before, began = engine.encoder.took_ns, time.perf_counter_ns()
    engine.router.check(query)
    query = engine.look(query)
    routed = engine.at_once(query, engine.now())
    if routed is None:
        [answer] = engine.after_encoding([(query, engine.now())])
        if isinstance(answer, Exception):
            raise answer
        routed = answer
    served.writer.write(routed)
    return (time.perf_counter_ns() - began - (engine.encoder.took_ns - before)) / 1e3


def _query(text: str) -> Query:
    return Query(text=text, conversation=Conversation(previous_route="debugging"))


if __name__ == "__main__":
    main()
