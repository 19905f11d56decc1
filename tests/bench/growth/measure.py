"""One point of the growth: a bundle of so many exemplars and routes, written, loaded and asked."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench.growth.child import RECALLED
from tests.bench.growth.crowd import AT_ONCE, Crowd, Places, gather
from tests.bench.growth.served import Served, serve
from tests.bench.growth.standin import Maker, bundle_of
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.ports import Encodings

Answers = Mapping[str, float]
"""What `child` found, by name."""


@dataclass(frozen=True)
class World:
    """Real texts that exemplars are made of, and real queries that none of them is.

    Attributes:
        texts: what exemplars are made of.
        encodings: of `texts`, row for row.
        asked: the queries.
        queries: encodings of `asked`, row for row.
        dimension: length of the unit vector at the front of an encoding.
        maker: of the encodings.
    """

    texts: Sequence[str]
    encodings: Encodings
    asked: Sequence[str]
    queries: Encodings
    dimension: int
    maker: Maker


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement; sizes in MB.

    Attributes:
        exemplars: how many.
        routes: how many.
        kind: of the index.
        build_seconds: to build the index.
        save_seconds: to write the bundle, building the index and checking what was written.
        files_mb: size of each file.
        answers: what a fresh process found.
        served: what a server of it took, if one was started.
    """

    exemplars: int
    routes: int
    kind: str
    build_seconds: float
    save_seconds: float
    files_mb: Mapping[str, float]
    answers: Answers
    served: Served | None = None


def measure(
    world: World, *, exemplars: int, routes: int, repo: Path, serves: bool = False
) -> Point:
    """Measures; what is not in the child's hands takes this process's memory."""
    routes = min(routes, exemplars)
    crowd = gather(
        world.texts,
        world.encodings,
        dimension=world.dimension,
        count=exemplars,
        routes=routes,
    )
    bundle = bundle_of(crowd, dimension=world.dimension, maker=world.maker)
    began = time.perf_counter()
    kind = FaissIndex.build(crowd.encodings[:, : world.dimension]).kind
    built = time.perf_counter() - began
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        stored = BundleStore(Path(folder)).save(bundle)
        saved = time.perf_counter() - began
        questions = Path(folder) / "questions.npz"
        np.savez(questions, queries=world.queries, truth=_nearest(world, crowd))
        files = {path.name: path.stat().st_size / 1e6 for path in sorted(stored.folder.iterdir())}
        command = [sys.executable, "-m", "tests.bench.growth.child", folder, str(questions)]
        answered = subprocess.run(command, cwd=repo, check=True, stdout=subprocess.PIPE, text=True)
        served = serve(Path(folder), world.asked) if serves else None
    return Point(
        exemplars=exemplars,
        routes=routes,
        kind=kind,
        build_seconds=built,
        save_seconds=saved,
        files_mb=files,
        answers=json.loads(answered.stdout),
        served=served,
    )


def _nearest(world: World, crowd: Crowd) -> Places:
    """Rows of the nearest exemplars of each query, by comparing all, shape (q, `RECALLED`)."""
    units = world.queries[:, : world.dimension]
    cosines: list[Encodings] = []
    rows: list[Places] = []
    for start in range(0, len(crowd.encodings), AT_ONCE):
        part = units @ crowd.encodings[start : start + AT_ONCE, : world.dimension].T
        few = min(RECALLED, part.shape[1])
        best = np.argpartition(-part, few - 1, axis=1)[:, :few]
        cosines.append(np.take_along_axis(part, best, axis=1))
        rows.append(best + start)
    order = np.argsort(-np.hstack(cosines), axis=1, kind="stable")[:, :RECALLED]
    return np.take_along_axis(np.hstack(rows), order, axis=1)
