"""From how many exemplars lists answer faster than comparing all: what EXACT_UP_TO stands on."""

import time
from dataclasses import dataclass

import numpy as np

from tests.bench.growth.crowd import gather
from tests.bench.growth.measure import World
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.router import NEIGHBOURS

SIZES = (5_000, 10_000, 20_000, 40_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Medians of a search among so many exemplars, in ms, by comparing all and by lists.

    Attributes:
        exemplars: how many.
        exact_ms: by comparing all.
        lists_ms: by lists.
        recall: share of the `NEIGHBOURS` nearest that lists find.
        build_seconds: to build the lists.
    """

    exemplars: int
    exact_ms: float
    lists_ms: float
    recall: float
    build_seconds: float


def cross(world: World, exemplars: int) -> Crossing:
    """Asks both kinds in turn."""
    crowd = gather(
        world.texts, world.encodings, dimension=world.dimension, count=exemplars, routes=1
    )
    vectors = crowd.encodings[:, : world.dimension]
    exact = FaissIndex.build(vectors, exact_up_to=exemplars)
    began = time.perf_counter()
    lists = FaissIndex.build(vectors, exact_up_to=0)
    built = time.perf_counter() - began
    seconds: tuple[list[float], list[float]] = ([], [])
    shared = 0
    for query in world.queries[:, : world.dimension]:
        found = []
        for index, spent in zip((exact, lists), seconds, strict=True):
            began = time.perf_counter()
            found.append({*index.search(query, NEIGHBOURS).rows.tolist()})
            spent.append(time.perf_counter() - began)
        shared += len(found[0] & found[1])
    exact_ms, lists_ms = (1e3 * float(np.median(spent)) for spent in seconds)
    return Crossing(
        exemplars=exemplars,
        exact_ms=exact_ms,
        lists_ms=lists_ms,
        recall=shared / (len(world.queries) * NEIGHBOURS),
        build_seconds=built,
    )
