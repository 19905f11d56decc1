"""`make bench-alternatives`."""

import os
import sys

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, REPO
from tests.bench.accuracy.datasets import DataMissingError
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.report import TITLES
from tests.bench.alternatives.contest import contest
from tests.bench.alternatives.page import render
from tests.bench.alternatives.trials import Trial, make_trial, read_validation_tasks
from tests.bench.pages import splice
from waypost_server.adapters.onnx_encoder import OnnxEncoder

PAGE = REPO / "docs/alternatives.md"


def main() -> None:
    """Tries everything and writes the page."""
    try:
        trials, encoder = _prepare()
    except DataMissingError as error:
        sys.exit(f"bench-alternatives: {error}")
    columns = {}
    for trial in trials:
        click.echo(f"Trying alternatives: {trial.data}, {trial.shots} exemplars", err=True)
        columns[trial.data, trial.shots] = contest(trial)
    queries = {TITLES[trial.data]: len(trial.queries.texts) for trial in trials}
    counts = ", ".join(f"{name} {count}" for name, count in queries.items())
    setting = f"Encoder: {encoder.name} ({encoder.fingerprint[:12]}). Queries: {counts}."
    text = splice(PAGE.read_text("utf-8"), "alternatives", render(columns, setting))
    PAGE.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def _prepare() -> tuple[list[Trial], CachedEncoder]:
    tasks = read_validation_tasks(DATA)
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    used = [part for task in tasks for part in (task.exemplars, task.validation)]
    encoder.prepare(text for part in used for text in part.texts)
    return [make_trial(task, encoder, DATA) for task in tasks], encoder


if __name__ == "__main__":
    main()
