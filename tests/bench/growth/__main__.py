"""`make bench-growth`."""

import json
import os
import sys
import time
from collections.abc import Sequence

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

import numpy as np

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.growth.crossing import SIZES, cross
from tests.bench.growth.crowd import SEED
from tests.bench.growth.measure import Point, World, measure
from tests.bench.growth.page import pictures, render
from tests.bench.growth.report import FEW, MOST, Growth, raw
from tests.bench.growth.standin import Maker
from tests.bench.pages import splice
from tests.bench.serving.machine import machine
from waypost_server.adapters.onnx_encoder import OnnxEncoder

RAW = REPO / "docs/benchmarks/growth.json"
EXEMPLARS = (100, FEW, 15_000, 100_000, MOST)
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
    encoder = OnnxEncoder.load(ENCODER)
    world = _world(tasks, encoder)
    by_exemplars = [
        _measure(world, count, USUAL_ROUTES, serves=count in (FEW, MOST)) for count in EXEMPLARS
    ]
    shared = next(point for point in by_exemplars if point.exemplars == USUAL_EXEMPLARS)
    by_routes = [
        shared if count == USUAL_ROUTES else _measure(world, USUAL_EXEMPLARS, count)
        for count in ROUTES
    ]
    click.echo("Comparing exact search with lists ...", err=True)
    crossings = [cross(world, count) for count in SIZES]
    found = Growth(
        by_exemplars=by_exemplars,
        by_routes=by_routes,
        crossings=crossings,
        encoder_ms=_encoder_ms(encoder, world.asked),
    )
    setting = (
        f"Measured on {machine()}; {len(world.texts):,} real texts, {QUERIES} real queries that "
        "are none of them, one thread."
    )
    RAW.write_text(json.dumps({"setting": setting, **raw(found)}, indent=1) + "\n", "utf-8")
    for name, picture in pictures(by_exemplars, by_routes).items():
        RAW.with_name(name).write_text(picture, "utf-8")
    section = render(setting, found)
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "growth", section), "utf-8")
    minutes = (time.monotonic() - began) / 60
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}, {minutes:.1f} min")


def _world(tasks: Sequence[Task], shipped: OnnxEncoder) -> World:
    encoder = CachedEncoder(shipped, CACHE)
    encoder.prepare(text for task in tasks for text in task.all_texts)
    asked = sorted({text for task in tasks for text in task.test.texts})
    # Exemplars and validation queries alike: what is asked must not be among them, nothing else.
    known = sorted({text for task in tasks for text in task.all_texts} - {*asked})
    chosen = np.random.default_rng(SEED).permutation(len(asked))[:QUERIES]
    queries = [asked[place] for place in chosen]
    return World(
        texts=known,
        encodings=encoder.encode(known),
        asked=queries,
        queries=encoder.encode(queries),
        dimension=encoder.dimension,
        maker=Maker(encoder.name, encoder.fingerprint),
    )


def _measure(world: World, exemplars: int, routes: int, *, serves: bool = False) -> Point:
    click.echo(f"Measuring {exemplars:,} exemplars of {routes:,} routes ...", err=True)
    return measure(world, exemplars=exemplars, routes=routes, repo=REPO, serves=serves)


def _encoder_ms(encoder: OnnxEncoder, texts: Sequence[str]) -> float:
    """Median time of one text."""
    seconds = []
    for text in texts:
        began = time.perf_counter()
        encoder.encode([text])
        seconds.append(time.perf_counter() - began)
    return 1e3 * float(np.median(seconds))


if __name__ == "__main__":
    main()
