"""`make bench-serving`."""

import json
import os
import random
import sys
import time
from dataclasses import astuple, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import DATA, ENCODER, ENVIRONMENTS, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError, Labelled, Task, read_tasks
from tests.bench.adapted.subjects import folder_name, subjects
from tests.bench.pages import splice
from tests.bench.serving.children import ChildError
from tests.bench.serving.contest import SEED, Plan, closed_rounds, open_rounds
from tests.bench.serving.lineup import line_up
from tests.bench.serving.machine import machine
from tests.bench.serving.page import pictures, render
from tests.bench.serving.report import Report, raw

RAW = REPO / "docs/benchmarks/serving.json"
LIBRARIES = ("grpcio", "onnxruntime", "uvloop")

ONE_IN = 3
"""Of so many queries one is asked: caches are to be filled with all of them beforehand."""


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    began = time.monotonic()
    try:
        report = measure(*_tasks(), Plan())
    except (DataMissingError, ChildError) as error:
        sys.exit(f"bench-serving: {error}")
    for name, picture in pictures(report).items():
        RAW.with_name(name).write_text(picture, encoding="utf-8")
    RAW.write_text(json.dumps(raw(report), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "serving", render(report)), encoding="utf-8")
    minutes = (time.monotonic() - began) / 60
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}, {minutes:.1f} min")


def _tasks() -> tuple[Task, Task]:
    """CLINC150 at 10 exemplars a route, and at 100; of its queries a sample."""
    few = next(task for task in subjects(DATA) if task.data == "clinc150")
    everything = next(task for task in read_tasks(DATA) if task.name == "clinc150-all")
    draw = random.Random(SEED)  # noqa: S311
    rows = draw.sample(range(len(few.test.texts)), len(few.test.texts) // ONE_IN)
    test = Labelled(*(tuple(part[row] for row in rows) for part in astuple(few.test)))
    strangers = {
        name: tuple(draw.sample(texts, len(texts) // ONE_IN))
        for name, texts in few.strangers.items()
    }
    labels = tuple(folder_name(label) for label in everything.exemplars.labels)
    exemplars = Labelled(everything.exemplars.texts, labels)
    few = replace(few, test=test, strangers=strangers)
    return few, replace(few, shots="all", exemplars=exemplars)


def measure(task: Task, full: Task, plan: Plan) -> Report:
    """Starts everyone, asks everyone, and ends everyone."""
    click.echo("Building the indexes and starting everyone ...", err=True)
    with (
        TemporaryDirectory() as folder,
        line_up(task, full, ENCODER, ENVIRONMENTS, Path(folder)) as lineup,
    ):
        click.echo("Asking everyone ...", err=True)
        strangers = task.strangers["out of scope"]
        legs = closed_rounds(lineup.contestants, task.test.texts, strangers, plan)
        opened = open_rounds(lineup.contestants, task.test.texts, legs, plan)
        versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        return Report(
            legs=legs,
            opened=opened,
            resident={one.name: one.resident_mb() for one in lineup.contestants},
            ready_seconds=lineup.ready_seconds,
            ready_mb=lineup.ready_mb,
            setting=f"Measured on {machine()}; {versions}.",
            missing=lineup.missing,
        )


if __name__ == "__main__":
    main()
