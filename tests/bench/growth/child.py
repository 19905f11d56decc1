"""A fresh process that loads a bundle and is asked: prints what it took as a line of JSON."""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

import numpy as np

from tests.bench.serving.machine import private_mb, resident_mb
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.comparing import COMPARED
from waypost_server.core.evidence import SHORTLIST
from waypost_server.core.query import Query
from waypost_server.core.router import Router

NEIGHBOURS = 64
"""Exemplars that are searched for; recall is that of the first `RECALLED`."""

RECALLED = 10
WARM_UP = 50

ROUTES, ROWS = SHORTLIST, COMPARED
"""What a decision at most compares of a large table exemplar by exemplar."""


def main(folder: str, questions: str) -> None:
    """Loads the live bundle of `folder`, asks it the `questions` and prints what it found."""
    bare = _private_mb()
    began = time.perf_counter()
    stored = BundleStore(Path(folder)).load()
    router = Router(stored.catalog, stored.exemplars, stored.index, stored.scoring)
    loaded, after_load = time.perf_counter() - began, _private_mb()
    with np.load(questions) as arrays:
        queries, truth = arrays["queries"], arrays["truth"]
    seconds: dict[str, list[float]] = {"search": [], "rows": [], "decide": []}

    def timed(name: str, began: float) -> None:
        seconds[name].append(time.perf_counter() - began)

    hits, query = 0, Query(text="a query", explain=True)
    random = np.random.default_rng(0)
    index, starts = stored.index, np.cumsum(stored.exemplars.sizes) - stored.exemplars.sizes
    for encoding, right in zip(queries, truth, strict=True):
        began, unit = time.perf_counter(), encoding[: index.dimension]
        found = index.search(unit, NEIGHBOURS)
        timed("search", began)
        hits += len({*found.rows[:RECALLED].tolist()} & {*right.tolist()})
        routes = random.choice(len(starts), min(ROUTES, len(starts)), replace=False).tolist()
        began = time.perf_counter()
        for route in routes:
            rows = stored.exemplars.rows_of(route)
            _ = index.rows(slice(rows.start, min(rows.stop, rows.start + ROWS))) @ unit
        timed("rows", began)
        began = time.perf_counter()
        router.decide(encoding, router.search(encoding), query)
        timed("decide", began)
    figures = {
        "load_seconds": loaded,
        "loaded_mb": after_load - bare,
        "private_mb": _private_mb(),
        "resident_mb": resident_mb(os.getpid()),
        "recall": hits / truth.size,
    }
    for name, spent in seconds.items():
        p50, p99 = np.quantile(spent[WARM_UP:], [0.5, 0.99])
        figures |= {f"{name}_p50_ms": 1e3 * float(p50), f"{name}_p99_ms": 1e3 * float(p99)}
    sys.stdout.write(json.dumps(figures) + "\n")


def _private_mb() -> float:
    """Memory of the process's own, without what it has freed.

    Imports leave some 20 MB free but resident, in which a bundle of 100,000 exemplars would vanish.
    """
    ctypes.CDLL(None).malloc_trim(0)
    return private_mb(os.getpid())


if __name__ == "__main__":
    main(*sys.argv[1:])
