"""Plans: `python -m tests.bench.judgement.plans`."""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Labelled, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.report import TITLES
from tests.bench.judgement.mixtures import mixtures
from tests.bench.pages import splice, table
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.bundle import RouteSet, build_bundle
from waypost_server.core.judgement import Judgement
from waypost_server.core.planner import Planner
from waypost_server.core.plans import Plans
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

RAW = REPO / "docs/benchmarks/plans.json"
TASKS = ("clinc150-all", "clinc150-10", "hwu64-all")
DOMAINS = ("banking", "hotels")
COUNT = 1_000
TOGETHER = 8
TRAINED_FOLDS = 10
"""Of nlupp's 20; the others are asked."""

Routes = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One data set; shares in percent, None where it has no such queries.

    Attributes:
        name: of the data set.
        two: mixtures of two whose set of routes is exact.
        three: of three.
        both: of all.
        f1: micro-averaged F1 of the routes of mixtures.
        f1_single: the same without plans.
        split: single requests that become a plan.
        strangers_split: the same of queries out of scope.
        encodings: texts encoded for a query of a mixture, and for a single request.
    """

    name: str
    two: float | None = None
    three: float | None = None
    both: float | None = None
    f1: float | None = None
    f1_single: float | None = None
    split: float | None = None
    strangers_split: float | None = None
    encodings: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multi:
    """One domain of nlupp: exact sets and micro F1 in percent, with plans and without."""

    name: str
    routes: int
    exemplars: int
    messages: int
    several: int
    plans: float
    exact: tuple[float, float]
    f1: tuple[float, float]


class Remembering:
    """Implements core's Encoder; asks the encoder for what the table lacks, and counts texts."""

    def __init__(self, table: CachedEncoder, encoder: OnnxEncoder) -> None:
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension, self.width = encoder.dimension, encoder.width
        self._table, self._encoder = table, encoder
        self._more: dict[str, Encodings] = {}
        self.count = 0

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.count += len(texts)
        missing = []
        for text in texts:
            if text not in self._more:
                try:
                    self._more[text] = self._table.encode([text])[0]
                except KeyError:
                    missing.append(text)
        if missing:
            self._more.update(zip(missing, self._encoder.encode(missing), strict=True))
        return np.stack([self._more[text] for text in texts])


class Subject:
    """A router of some routes, with plans."""

    def __init__(self, routes: RouteSet, encoder: Remembering) -> None:
        bundle = build_bundle(routes, encoder, known={}, progress=lambda done, total: None)
        index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
        router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
        judgement = Judgement(planner=Planner(Plans()))
        self._engine = Engine(encoder, router, "bench", judgement=judgement)
        self._encoder = encoder
        self.encodings = 0.0

    def ask(self, texts: Sequence[str]) -> list[tuple[Routes, str]]:
        """Of each text, the routes of its plan, or the best one, and the best one of the whole."""
        before, found = self._encoder.count, list[tuple[Routes, str]]()
        for start in range(0, len(texts), TOGETHER):
            queries = [(Query(text=text), 0) for text in texts[start : start + TOGETHER]]
            for answer in self._engine.after_encoding(queries):
                if not isinstance(answer, Routed):
                    raise answer
                decision = answer.decision
                best = decision.candidates[0].route
                plan = tuple(step.route.name for step in decision.plan)
                found.append((plan or (best,), best))
        self.encodings = (self._encoder.count - before) / max(1, len(texts))
        return found


def main() -> None:
    """Measures and writes the section and the raw figures."""
    try:
        tasks = {task.name: task for task in read_tasks(DATA)}
    except DataMissingError as error:
        sys.exit(f"bench-judgement: {error}")
    shipped = OnnxEncoder.load(ENCODER)
    known = CachedEncoder(shipped, CACHE)
    known.prepare([])
    encoder = Remembering(known, shipped)
    rows = []
    for name in TASKS:
        click.echo(f"Planning: {name}", err=True)
        task = tasks[name]
        strangers = [text for texts in task.strangers.values() for text in texts]
        subject = Subject(route_set(task.exemplars), encoder)
        title = f"{TITLES[task.data]}, {task.shots} exemplars a route"
        rows.append(_measure(subject, title, task.test, strangers))
    click.echo("Planning: the shipped routes", err=True)
    rows.append(_shipped(encoder))
    multi = [_nlupp(domain, encoder) for domain in DOMAINS]
    raw = {
        "rows": [asdict(row) for row in rows],
        "nlupp": [asdict(one) for one in multi],
        "splitter_us": _splitter_us(tasks["clinc150-all"].test.texts),
    }
    RAW.write_text(json.dumps(raw, indent=1) + "\n", "utf-8")
    text = render(json.loads(RAW.read_text("utf-8")))
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "plans", text), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def _measure(subject: Subject, title: str, test: Labelled, strangers: Sequence[str]) -> Row:
    mixed = mixtures(test.texts, test.labels, COUNT)
    found = subject.ask([one.text for one in mixed])
    for_mixture = subject.encodings
    exact = [
        (len(one.routes), set(routes) == set(one.routes))
        for one, (routes, _) in zip(mixed, found, strict=True)
    ]
    wanted = [one.routes for one in mixed]
    single = [len(routes) > 1 for routes, _ in subject.ask(test.texts)]
    for_single = subject.encodings
    return Row(
        name=title,
        two=_percent(right for size, right in exact if size == 2),
        three=_percent(right for size, right in exact if size != 2),
        both=_percent(right for _, right in exact),
        f1=_f1([routes for routes, _ in found], wanted),
        f1_single=_f1([(best,) for _, best in found], wanted),
        split=_percent(single),
        strangers_split=_percent(len(routes) > 1 for routes, _ in subject.ask(strangers))
        if strangers
        else None,
        encodings=(for_mixture, for_single),
    )


def _shipped(encoder: Remembering) -> Row:
    subject = Subject(read_routes(REPO / "routes"), encoder)
    lines = (REPO / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    inside = [row["text"] for row in asked if row["label"] != "oos"]
    outside = [row["text"] for row in asked if row["label"] == "oos"]
    return Row(
        name="the shipped routes and their evaluation queries",
        split=_percent(len(routes) > 1 for routes, _ in subject.ask(inside)),
        strangers_split=_percent(len(routes) > 1 for routes, _ in subject.ask(outside)),
    )


def _nlupp(domain: str, encoder: Remembering) -> Multi:
    click.echo(f"Planning: nlupp {domain}", err=True)
    lines = (DATA / f"multi/nlupp/{domain}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    trained = [r for r in rows if r["fold"] < TRAINED_FOLDS and len(r["labels"]) == 1]
    exemplars = Labelled(
        tuple(row["text"] for row in trained), tuple(row["labels"][0] for row in trained)
    )
    asked = [row for row in rows if row["fold"] >= TRAINED_FOLDS and row["labels"]]
    found = Subject(route_set(exemplars), encoder).ask([row["text"] for row in asked])
    wanted = [tuple(row["labels"]) for row in asked]
    planned = [routes for routes, _ in found]
    single = [(best,) for _, best in found]
    return Multi(
        name=domain,
        routes=len(set(exemplars.labels)),
        exemplars=len(trained),
        messages=len(asked),
        several=sum(len(labels) > 1 for labels in wanted),
        plans=_percent(len(routes) > 1 for routes in planned),
        exact=(_exact(planned, wanted), _exact(single, wanted)),
        f1=(_f1(planned, wanted), _f1(single, wanted)),
    )


def _exact(found: Sequence[Routes], wanted: Sequence[Routes]) -> float:
    return _percent(set(one) == set(other) for one, other in zip(found, wanted, strict=True))


def _f1(found: Sequence[Routes], wanted: Sequence[Routes]) -> float:
    """Micro-averaged over all routes that were found or wanted."""
    pairs = [(set(one), set(other)) for one, other in zip(found, wanted, strict=True)]
    hits = sum(len(one & other) for one, other in pairs)
    return 200 * hits / sum(len(one) + len(other) for one, other in pairs)


def _percent(values: Iterable[bool]) -> float:
    return 100 * float(np.mean(list(values)))


def _splitter_us(texts: Sequence[str]) -> float:
    """Median time in which a text is looked at for parts, in microseconds."""
    planner, took = Planner(Plans()), []
    for text in texts:
        query = Query(text=text)
        began = time.perf_counter_ns()
        planner.parts(query)
        took.append(time.perf_counter_ns() - began)
    return statistics.median(took) / 1000


def render(raw: dict) -> str:  # type: ignore[type-arg]
    """The section, from the raw figures."""
    head = [
        "data (test)",
        "two requests, exact set",
        "three",
        "all mixtures",
        "F1 of routes",
        "F1 without plans",
        "single requests that become a plan",
        "strangers that do",
        "texts encoded, mixture / single",
    ]
    lines = [
        [
            row["name"],
            *(_cell(row[key]) for key in ("two", "three", "both", "f1", "f1_single")),
            _cell(row["split"], 2),
            _cell(row["strangers_split"], 2),
            " / ".join(f"{one:.2f}" for one in row["encodings"]) if row["encodings"] else "-",
        ]
        for row in raw["rows"]
    ]
    several = [
        "nlupp",
        "routes",
        "exemplars",
        "messages",
        "with several intents",
        "that become a plan",
        "exact set, with plans / without",
        "F1, with plans / without",
    ]
    multi = [
        [
            one["name"],
            str(one["routes"]),
            str(one["exemplars"]),
            str(one["messages"]),
            str(one["several"]),
            f"{one['plans']:.1f}",
            " / ".join(f"{value:.1f}" for value in one["exact"]),
            " / ".join(f"{value:.1f}" for value in one["f1"]),
        ]
        for one in raw["nlupp"]
    ]
    cost = (
        f"To look for parts takes {raw['splitter_us']:.0f} microseconds (median of CLINC150's test "
        "queries, shared machine)."
    )
    return "\n\n".join([table(head, lines), table(several, multi), cost])


def _cell(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
