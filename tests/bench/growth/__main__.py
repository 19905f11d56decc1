"""`make bench-growth`."""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

import numpy as np

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.growth.crowd import SEED
from tests.bench.growth.measure import Point, World, measure
from tests.bench.growth.page import pictures, render
from tests.bench.pages import splice
from tests.bench.serving.machine import machine
from waypost_server.adapters.onnx_encoder import OnnxEncoder

RAW = REPO / "docs/benchmarks/growth.json"
EXEMPLARS = (100, 1_500, 15_000, 100_000, 1_000_000)
ROUTES = (5, 150, 1_000, 10_000)
USUAL_EXEMPLARS, USUAL_ROUTES = 100_000, 150
QUERIES = 500


def main() -> None:
    """Measures, and writes the section, its pictures and the raw figures."""
    began = time.monotonic()
    try:
        tasks = read_tasks(DATA)
    except DataMissingError as error:
        sys.exit(f"bench-growth: {error}")
    world = _world(tasks)
    by_exemplars = [_measure(world, count, USUAL_ROUTES) for count in EXEMPLARS]
    shared = next(point for point in by_exemplars if point.exemplars == USUAL_EXEMPLARS)
    by_routes = [
        shared if count == USUAL_ROUTES else _measure(world, USUAL_EXEMPLARS, count)
        for count in ROUTES
    ]
    setting = (
        f"Measured on {machine()}; {len(world.texts):,} real texts, {QUERIES} real queries that "
        "are none of them, one thread."
    )
    RAW.write_text(
        json.dumps({"setting": setting, **_raw(by_exemplars, by_routes)}, indent=1) + "\n", "utf-8"
    )
    for name, picture in pictures(by_exemplars, by_routes).items():
        RAW.with_name(name).write_text(picture, "utf-8")
    section = render(setting, by_exemplars, by_routes)
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "growth", section), "utf-8")
    minutes = (time.monotonic() - began) / 60
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}, {minutes:.1f} min")


def _world(tasks: Sequence[Task]) -> World:
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    encoder.prepare(text for task in tasks for text in task.all_texts)
    asked = sorted({text for task in tasks for text in task.test.texts})
    # Exemplars and validation queries alike: what is asked must not be among them, nothing else.
    known = sorted({text for task in tasks for text in task.all_texts} - {*asked})
    chosen = np.random.default_rng(SEED).permutation(len(asked))[:QUERIES]
    return World(
        texts=known,
        encodings=encoder.encode(known),
        queries=encoder.encode([asked[place] for place in chosen]),
        dimension=encoder.dimension,
    )


def _measure(world: World, exemplars: int, routes: int) -> Point:
    click.echo(f"Measuring {exemplars:,} exemplars of {routes:,} routes ...", err=True)
    return measure(world, exemplars=exemplars, routes=routes, repo=REPO)


def _raw(
    by_exemplars: Sequence[Point], by_routes: Sequence[Point]
) -> dict[str, list[dict[str, object]]]:
    return {
        "by_exemplars": [asdict(point) for point in by_exemplars],
        "by_routes": [asdict(point) for point in by_routes],
    }


if __name__ == "__main__":
    main()
