"""`make bench-adapted`; needs torch, and the original of the shipped encoder in MINILM_SOURCE."""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

import torch

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import ask_waypost
from tests.bench.accuracy.datasets import DataMissingError, Task
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.measure import TaskFigures, measure_task
from tests.bench.adapted.page import render
from tests.bench.adapted.subjects import subjects, write_routes
from tests.bench.pages import splice
from waypost_server.adapters.held_out_file import read_held_out
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.lab.adaptation import Adaptation
from waypost_server.lab.gain import Gain, gain_of_means
from waypost_server.workshop.adapting import adapt_encoder
from waypost_server.workshop.exporting import Provenance

RAW = REPO / "docs/benchmarks/adapted.json"
THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """One data set.

    Attributes:
        before: the figures with the shipped encoder.
        after: those with the adapted one.
        accuracy: the gain on the test split, query by query.
        folds: what the folds of the exemplars had said.
        minutes: how long adapting took.
    """

    before: TaskFigures
    after: TaskFigures
    accuracy: Gain
    folds: Adaptation
    minutes: float


def main() -> None:
    """Adapts to each data set and writes the section and the raw figures."""
    source = os.environ.get("MINILM_SOURCE")
    if not source:
        sys.exit("bench-adapted: set MINILM_SOURCE to the folder of the original all-MiniLM-L6-v2")
    torch.set_num_threads(THREADS)
    try:
        tasks = subjects(DATA)
    except DataMissingError as error:
        sys.exit(f"bench-adapted: {error}")
    found = {task.data: _measure(task, Path(source)) for task in tasks}
    RAW.write_text(json.dumps({name: _raw(one) for name, one in found.items()}, indent=1) + "\n")
    text = splice(PAGE.read_text("utf-8"), "adapted", render(found))
    PAGE.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}")


def _measure(task: Task, source: Path) -> Adapted:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_routes(folder / "routes", task.exemplars)
        began = time.monotonic()
        with click.progressbar(length=1, label=f"Adapting to {task.data}", file=sys.stderr) as bar:

            def progress(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            folds, _ = adapt_encoder(
                source,
                folder / "encoder",
                folder / "routes",
                precision="int8",
                provenance=Provenance(name=f"adapted-{task.data}", license="", origin=""),
                anyway=True,
                progress=progress,
            )
        minutes = (time.monotonic() - began) / 60
        before, after = _said(task, ENCODER), _said(task, folder / "encoder")
    return Adapted(
        before=before[0],
        after=after[0],
        accuracy=gain_of_means(before[1], after[1]),
        folds=folds,
        minutes=minutes,
    )


def _said(task: Task, folder: Path) -> tuple[TaskFigures, list[bool]]:
    """The figures, and whether each query's best route is right."""
    encoder = CachedEncoder(OnnxEncoder.load(folder), CACHE)
    encoder.prepare((*task.exemplars.texts, *task.queries))
    product = ask_waypost(
        task,
        encoder,
        held_out=lambda table: read_held_out(folder, table, knows_outside=False),
    )
    labels = product.best.labels[: len(task.test.labels)]
    right = [bool(a == b) for a, b in zip(labels, task.test.labels, strict=True)]
    return measure_task(task, product, {}, {}), right


def _raw(one: Adapted) -> dict[str, object]:
    folds = {
        "epochs": one.folds.epochs,
        "pays": one.folds.pays,
        "accuracy": asdict(one.folds.accuracy),
        "auroc": asdict(one.folds.auroc),
    }
    return {
        "before": asdict(one.before),
        "after": asdict(one.after),
        "accuracy": asdict(one.accuracy),
        "folds": folds,
        "minutes": round(one.minutes, 1),
    }


if __name__ == "__main__":
    main()
