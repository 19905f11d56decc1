"""`make bench-accuracy`."""

import json
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.contestants import Said, ask_nearest, ask_plain_head, ask_waypost
from tests.bench.accuracy.datasets import DataMissingError, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.figures import SEED
from tests.bench.accuracy.measure import TaskFigures, measure_task
from tests.bench.accuracy.peers import KINDS, PeerSaid, ask_peers
from tests.bench.accuracy.report import render
from tests.bench.pages import splice
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.lab.bootstrap import RESAMPLES
from waypost_server.lab.figures import BINS

REPO = Path(__file__).parents[3]
DATA = REPO.parent / "shared/data"
ENCODER = REPO / "models/all-MiniLM-L6-v2"
CACHE = REPO / ".cache/bench-accuracy"
ENVIRONMENTS = REPO / ".venv-peers"
PAGE = REPO / "docs/benchmarks.md"
RAW = REPO / "docs/benchmarks/accuracy.json"


def main() -> None:
    """Measures everything and writes the page and the raw figures."""
    began = time.monotonic()
    try:
        tasks = read_tasks(DATA)
    except DataMissingError as error:
        sys.exit(f"bench-accuracy: {error}")
    shipped = OnnxEncoder.load(ENCODER)
    encoder = CachedEncoder(shipped, CACHE)
    encoder.prepare(text for task in tasks for text in task.all_texts)
    click.echo("Asking semantic-router ...", err=True)
    peers = ask_peers(tasks, encoder, ENVIRONMENTS)
    figures = {task.name: _measure(task, encoder, peers) for task in tasks}
    precision = shipped.manifest.precision
    setting = (
        f"Measured on {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"encoder {encoder.name} ({precision}, {encoder.fingerprint[:12]}); "
        f"intervals: {RESAMPLES} bootstrap resamples of the queries, seed {SEED}."
    )
    _write(figures, peers, setting, encoder.fingerprint)
    minutes = (time.monotonic() - began) / 60
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}, {minutes:.1f} min")


def _measure(task: Task, encoder: CachedEncoder, peers: Sequence[PeerSaid]) -> TaskFigures:
    click.echo(f"Asking Waypost: {task.name}, {len(task.queries)} queries", err=True)
    others: dict[str, Said] = {}
    settings: dict[str, str] = {}
    for peer in peers:
        for kind in KINDS:
            if not peer.failure:
                name = f"semantic-router {peer.version} {kind}"
                others[name] = peer.said[task.name, kind]
                settings[name] = peer.settings[task.name, kind]
    others["Nearest exemplar"] = ask_nearest(task, encoder)
    others["Plain head"] = ask_plain_head(task, encoder)
    return measure_task(task, ask_waypost(task, encoder), others, settings)


def _write(
    figures: Mapping[str, TaskFigures], peers: Sequence[PeerSaid], setting: str, encoder: str
) -> None:
    raw = {
        "setting": setting,
        "encoder_fingerprint": encoder,
        "seed": SEED,
        "resamples": RESAMPLES,
        "ece_bins": BINS,
        "versions": {name: version(name) for name in ("numpy", "onnxruntime", "faiss-cpu")},
        "peer_failures": {peer.version: peer.failure for peer in peers if peer.failure},
        "peer_shortcut_differs": {peer.version: peer.shortcut_differs for peer in peers},
        "tasks": {name: asdict(task) for name, task in figures.items()},
    }
    RAW.parent.mkdir(parents=True, exist_ok=True)
    RAW.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    text = render(figures, peers, setting)
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "accuracy", text), encoding="utf-8")


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.machine()


if __name__ == "__main__":
    main()
