"""`make bench-serving`."""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import DATA, ENCODER, ENVIRONMENTS, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError, Task
from tests.bench.adapted.subjects import subjects
from tests.bench.pages import splice
from tests.bench.serving.children import ChildError
from tests.bench.serving.contest import Plan, closed_rounds, open_rounds
from tests.bench.serving.lineup import line_up
from tests.bench.serving.machine import machine
from tests.bench.serving.page import render
from tests.bench.serving.report import Report, raw

RAW = REPO / "docs/benchmarks/serving.json"
LIBRARIES = ("grpcio", "onnxruntime", "uvloop")


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    began = time.monotonic()
    try:
        task = next(task for task in subjects(DATA) if task.data == "clinc150")
        report = measure(task, Plan())
    except (DataMissingError, ChildError) as error:
        sys.exit(f"bench-serving: {error}")
    RAW.write_text(json.dumps(raw(report), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "serving", render(report)), encoding="utf-8")
    minutes = (time.monotonic() - began) / 60
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}, {minutes:.1f} min")


def measure(task: Task, plan: Plan) -> Report:
    """Starts everyone, asks everyone, and ends everyone."""
    click.echo("Building the index and starting everyone ...", err=True)
    with (
        TemporaryDirectory() as folder,
        line_up(task, ENCODER, ENVIRONMENTS, Path(folder)) as lineup,
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
