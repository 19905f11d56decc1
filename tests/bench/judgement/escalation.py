"""What a model could do for undecided queries: `python -m tests.bench.judgement.escalation`.

No model is asked: how good one is depends on which one it is. What is measured is what the router
brings to it, and what a contract's confidence is worth once a model has chosen.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.report import TITLES
from tests.bench.pages import splice, table
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.bundle import build_bundle
from waypost_server.core.consultation import choosable, is_wanted, question_about
from waypost_server.core.decision import Decision
from waypost_server.core.escalation import Escalation
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router

RAW = REPO / "docs/benchmarks/escalation.json"
TASKS = ("banking77-10", "hwu64-10", "clinc150-10")
ESCALATION = Escalation(model="any")
MARGIN = 0.2
"""As the shipped routes have it."""

TIMED = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One data set; shares in [0, 1].

    Attributes:
        name: of the data set.
        asked: in-scope test queries that a model would be asked about.
        strangers_asked: strangers likewise; None where there are none.
        best: of those in scope, whose best candidate is right, and its mean confidence.
        within: of those, whose right route is among the candidates: what no model can exceed.
        uniform: how often a model is right that draws any candidate, and the mean confidence then.
        weighted: the same of one that draws by the encoder's confidence.
        ranking_us: median time of a ranking with all candidates beyond one with three.
        sure_us: median time to see that nobody need be asked.
        question_us: median time to write the question.
    """

    name: str
    asked: float
    strangers_asked: float | None
    best: tuple[float, float]
    within: float
    uniform: tuple[float, float]
    weighted: tuple[float, float]
    ranking_us: float
    sure_us: float
    question_us: float


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    try:
        tasks = [task for task in read_tasks(DATA) if task.name in TASKS]
    except DataMissingError as error:
        sys.exit(f"bench-judgement: {error}")
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    for task in tasks:
        encoder.prepare((*task.exemplars.texts, *task.queries))
    rows = [measure(task, encoder) for task in tasks]
    RAW.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "escalation", render(rows)), encoding="utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}")


def measure(task: Task, encoder: CachedEncoder) -> Row:
    """One data set's figures."""
    router = _router(task, encoder)
    encodings = encoder.encode(task.queries)
    decisions = [
        router.decide(encoding, router.search(encoding), Query(text=text))
        for text, encoding in zip(task.queries, encodings, strict=True)
    ]
    asked = [
        is_wanted(decision, Query(text=text), ESCALATION)
        for text, decision in zip(task.queries, decisions, strict=True)
    ]
    inside = len(task.test.texts)
    undecided = [i for i in range(inside) if asked[i]]
    labels = task.test.labels
    found = [_chances(decisions[i], labels[i]) for i in undecided]
    best, within, uniform, weighted = zip(*found, strict=True)
    strangers = asked[inside:]
    texts = [task.queries[i] for i in undecided[:TIMED]]
    return Row(
        name=task.data,
        asked=len(undecided) / inside,
        strangers_asked=float(np.mean(strangers)) if strangers else None,
        best=_means(best),
        within=float(np.mean(within)),
        uniform=_means(uniform),
        weighted=_means(weighted),
        ranking_us=_ranking_us(router, encodings[:TIMED]),
        sure_us=_median_us(
            lambda i: is_wanted(decisions[i], Query(text="x"), ESCALATION),
            [i for i in range(inside) if not asked[i]][:TIMED],
        ),
        question_us=_median_us(
            lambda i: question_about(
                Query(text=texts[i]),
                choosable(decisions[undecided[i]], Query(text=texts[i])),
                router.catalog,
                router.exemplars,
            ),
            range(len(texts)),
        ),
    )


Chance = tuple[float, float]
"""Probability of being right, and the confidence that the contract would have."""


def _chances(decision: Decision, label: str) -> tuple[Chance, bool, Chance, Chance]:
    """Of the best candidate, whether any is right, of any by lot, of any by weighted lot."""
    confidences = np.array([one.confidence for one in decision.candidates])
    right = np.array([one.route == label for one in decision.candidates])
    weights = confidences / confidences.sum()
    return (
        (float(right[0]), float(confidences[0])),
        bool(right.any()),
        (float(right.mean()), float(confidences.mean())),
        (float(weights @ right), float(weights @ confidences)),
    )


def _means(chances: Sequence[Chance]) -> Chance:
    right, claimed = np.mean(chances, axis=0).tolist()
    return right, claimed


def _router(task: Task, encoder: CachedEncoder) -> Router:
    routes = route_set(task.exemplars)
    bundle = build_bundle(routes, encoder, known={}, progress=lambda done, total: None)
    taxonomy = replace(bundle.catalog.taxonomy, escalation=ESCALATION, margin=MARGIN)
    catalog = replace(bundle.catalog, taxonomy=taxonomy)
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    return Router(catalog, bundle.exemplars, index, bundle.scoring)


def _ranking_us(router: Router, encodings: Encodings) -> float:
    """Side by side, so that the machine's mood is in both."""
    taxonomy = replace(router.catalog.taxonomy, escalation=None)
    catalog = replace(router.catalog, taxonomy=taxonomy)
    plain = Router(catalog, router.exemplars, router.index, router.scoring)
    query, more = Query(text="x"), []
    for encoding in encodings:
        near = router.search(encoding)
        took = []
        for each in (plain, router):
            began = time.perf_counter_ns()
            each.decide(encoding, near, query)
            took.append(time.perf_counter_ns() - began)
        more.append(took[1] - took[0])
    return statistics.median(more) / 1e3


def _median_us(work: Callable[[int], object], items: Sequence[int]) -> float:
    took = []
    for item in items:
        began = time.perf_counter_ns()
        work(item)
        took.append(time.perf_counter_ns() - began)
    return statistics.median(took) / 1e3


def render(rows: Sequence[Row]) -> str:
    """Two tables."""
    shares = [
        [
            TITLES[row.name],
            f"{100 * row.asked:.1f}",
            "" if row.strangers_asked is None else f"{100 * row.strangers_asked:.1f}",
            f"{100 * row.best[0]:.1f}",
            f"{100 * row.within:.1f}",
            *(f"{100 * claimed:.1f}; {100 * right:.1f}" for right, claimed in _kinds(row)),
        ]
        for row in rows
    ]
    times = [
        [TITLES[row.name], *(f"{us:.1f}" for us in (row.ranking_us, row.sure_us, row.question_us))]
        for row in rows
    ]
    return "\n\n".join(
        [
            table(
                [
                    "%",
                    "asked about",
                    "strangers asked about",
                    "the encoder's best is right",
                    "the right one is a candidate",
                    "the encoder's best: confidence; right",
                    "by lot",
                    "by weighted lot",
                ],
                shares,
            ),
            table(["microseconds", "more candidates", "nobody is asked", "the question"], times),
        ]
    )


def _kinds(row: Row) -> tuple[Chance, Chance, Chance]:
    return row.best, row.uniform, row.weighted


if __name__ == "__main__":
    main()
