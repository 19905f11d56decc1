"""`make bench-stages`."""

import os
import sys
from dataclasses import dataclass

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.figures import figures
from tests.bench.accuracy.report import TITLES
from tests.bench.pages import splice, table
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.bundle import build_bundle
from waypost_server.core.decision import Decision
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.query import Query
from waypost_server.core.router import Router

STATIC = REPO / "models/all-MiniLM-L6-v2-static"


@dataclass(frozen=True, slots=True)
class Row:
    """One task: the gate, the share that the first stage decides, and figures of one stage and two.

    Accuracies and recalls in percent; None where there are no strangers, or no first stage.
    """

    gate: float | None
    share: float
    strangers_share: float | None
    accuracy: tuple[float, float]
    recall: tuple[float, float] | None


def main() -> None:
    """Measures and writes the section."""
    try:
        tasks = read_tasks(DATA)
    except DataMissingError as error:
        sys.exit(f"bench-stages: {error}")
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    encoder.prepare(text for task in tasks for text in task.all_texts)
    static = StaticEncoder.load(STATIC)
    rows = []
    for task in tasks:
        click.echo(f"Asking both stages: {task.name}", err=True)
        rows.append([TITLES[task.data], task.shots, *_cells(_measure(task, encoder, static))])
    header = [
        "data",
        "exemplars a route",
        "gate",
        "queries decided first",
        "strangers decided first",
        "accuracy, transformer alone",
        "both",
        "strangers found, transformer alone",
        "both",
    ]
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "stages", table(header, rows)), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def _measure(task: Task, encoder: CachedEncoder, static: StaticEncoder) -> Row:
    bundle = build_bundle(
        route_set(task.exemplars),
        encoder,
        known={},
        progress=lambda done, total: None,
        static=static,
    )
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    second = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
    alone = [
        second.decide(encoding, second.search(encoding), Query(text=text))
        for text, encoding in zip(task.queries, encoder.encode(task.queries), strict=True)
    ]
    if bundle.first is None:
        return Row(None, 0.0, None, _pair(_accuracy(task, alone), _accuracy(task, alone)), None)
    router = Router(
        bundle.catalog,
        bundle.exemplars,
        FaissIndex.build(bundle.first.encodings),
        bundle.first.scoring,
    )
    first = FirstStage(static, router, bundle.first.gate)
    early = [
        first.decide(encoding, Query(text=text))
        for text, encoding in zip(task.queries, static.encode(task.queries), strict=True)
    ]
    both = [one or other for one, other in zip(early, alone, strict=True)]
    inside = len(task.test.texts)
    shares = [
        float(np.mean([d is not None for d in p])) for p in (early[:inside], early[inside:]) if p
    ]
    recalls = [_recall(task, decisions) for decisions in (alone, both)] if len(shares) > 1 else None
    return Row(
        bundle.first.gate.confidence,
        shares[0],
        shares[1] if len(shares) > 1 else None,
        _pair(_accuracy(task, alone), _accuracy(task, both)),
        _pair(*recalls) if recalls else None,
    )


def _pair(one: float, other: float) -> tuple[float, float]:
    return (100 * one, 100 * other)


def _right(task: Task, decisions: list[Decision]) -> list[bool]:
    return [
        decision.candidates[0].route == label
        for decision, label in zip(decisions, task.test.labels, strict=False)
    ]


def _accuracy(task: Task, decisions: list[Decision]) -> float:
    return float(np.mean(_right(task, decisions)))


def _recall(task: Task, decisions: list[Decision]) -> float:
    """Strangers below the bar on the confidence that costs a point of accuracy."""
    strangers = len(decisions) - len(task.test.labels)
    found = figures(
        ["oos_recall_at_loss"],
        score=np.array([decision.candidates[0].confidence for decision in decisions]),
        right=np.array(_right(task, decisions) + [False] * strangers),
        strangers=strangers,
    )["oos_recall_at_loss"]
    return found.value if found else float("nan")


def _cells(row: Row) -> list[str]:
    recall = row.recall
    return [
        "-" if row.gate is None else f"{row.gate:g}",
        f"{100 * row.share:.1f}",
        "-" if row.strangers_share is None else f"{100 * row.strangers_share:.1f}",
        f"{row.accuracy[0]:.1f}",
        f"{row.accuracy[1]:.1f} ({row.accuracy[1] - row.accuracy[0]:+.2f})",
        f"{recall[0]:.1f}" if recall else "-",
        f"{recall[1]:.1f} ({recall[1] - recall[0]:+.2f})" if recall else "-",
    ]


if __name__ == "__main__":
    main()
