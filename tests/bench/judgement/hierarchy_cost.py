"""What groups cost, and what a head of their own would save, at 10 x 10 and 100 x 100 routes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click
import numpy as np

from tests.bench.accuracy.datasets import Task
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.growth.crowd import gather
from waypost_server.adapters.index_files import write_index
from waypost_server.core.calibration import UNCALIBRATED
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.head import fit_head
from waypost_server.core.hierarchy import Hierarchy
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import LinearMap

A_ROUTE = 10
"""Exemplars, of which one is held out and asked."""

BEAMS = 3
ASKED, TIMED = 1_000, 200


@dataclass(frozen=True, slots=True)
class Cost:
    """One crowd of routes; times are medians in microseconds, shares in percent.

    Attributes:
        groups: how many, each with as many routes.
        flat_us: of a decision without the encoder, flat.
        tree_us: with the hierarchy.
        own_us: of asking a head of groups and then only the routes of the best ones.
        asked_us: of what that would replace: the search, if there is one, and the head.
        flat: held-out exemplars whose best candidate is right, flat.
        tree: the same with the hierarchy.
        head: the same of the head alone, asked about all routes.
        own: the same, asked only about the groups that a head of their own likes best.
    """

    groups: int
    flat_us: float
    tree_us: float
    own_us: float
    asked_us: float
    flat: float
    tree: float
    head: float
    own: float


def measure_cost(task: Task, encoder: CachedEncoder) -> Sequence[Cost]:
    """Both crowds: a route is a text and noise about it, a group of texts that are alike."""
    every = list(dict.fromkeys(task.exemplars.texts))
    random = np.random.default_rng(1)
    costs = []
    for groups in (10, 100):
        texts = [every[i] for i in random.permutation(len(every))[: groups * groups]]
        costs.append(_measure(texts, encoder.encode(texts), encoder.dimension, groups))
    return costs


def _measure(texts: list[str], encodings: Encodings, dimension: int, groups: int) -> Cost:
    click.echo(f"Timing {groups} x {groups} routes", err=True)
    routes = groups * groups
    crowd = gather(texts, encodings, dimension=dimension, count=A_ROUTE * routes, routes=routes)
    held = np.arange(len(crowd.routes)) % A_ROUTE == A_ROUTE - 1
    known, own = crowd.encodings[~held], crowd.routes[~held].astype(np.int32)
    chosen = np.random.default_rng(1).permutation(int(held.sum()))[:ASKED]
    queries, labels = crowd.encodings[held][chosen], crowd.routes[held][chosen]
    names = [f"group_{route // groups:02}/route_{route:05}" for route in range(routes)]
    texts = [text for text, out in zip(crowd.texts, held, strict=True) if not out]
    table = ExemplarTable.of(
        zip((names[route] for route in own), texts, strict=True), negative_counts={}
    )
    head = fit_head(known, own, routes, dimension=dimension)
    of_groups = fit_head(known, own // np.int32(groups), groups, dimension=dimension)
    scoring = Scoring(head, UNCALIBRATED, dict.fromkeys(names, 0.0))
    catalog = Catalog(
        taxonomy=Taxonomy(default_route=names[0]), routes={name: Route(name=name) for name in names}
    )
    flat = Router(catalog, table, write_index(known[:, :dimension])[0], scoring)
    taxonomy = replace(catalog.taxonomy, hierarchy=Hierarchy(beams=BEAMS))
    tree = Router(replace(catalog, taxonomy=taxonomy), table, flat.index, scoring)
    query = Query(text="x")

    def decide(router: Router, encoding: Encodings) -> str:
        decision = router.decide(encoding, router.search(encoding), query)
        return decision.candidates[0].route

    def ask(encoding: Encodings) -> int:
        return _by_own_head(head.map, of_groups.map, groups, encoding)

    flat_us, tree_us, own_us, asked_us = _medians(
        (
            lambda encoding: decide(flat, encoding),
            lambda encoding: decide(tree, encoding),
            ask,
            lambda encoding: flat.shortlist(encoding, flat.search(encoding)),
        ),
        queries[:TIMED],
    )
    right = [names[label] for label in labels.tolist()]
    return Cost(
        groups=groups,
        flat_us=flat_us,
        tree_us=tree_us,
        own_us=own_us,
        asked_us=asked_us,
        flat=_share([decide(flat, one) for one in queries], right),
        tree=_share([decide(tree, one) for one in queries], right),
        head=_share(head.logits(queries)[0].argmax(axis=1).tolist(), labels.tolist()),
        own=_share([ask(one) for one in queries], labels.tolist()),
    )


def _by_own_head(head: LinearMap, of_groups: LinearMap, size: int, encoding: Encodings) -> int:
    """The best route of the groups that a head fitted for groups likes best."""
    best = np.argsort(-of_groups(encoding))[:BEAMS]
    parts = [slice(size * group, size * (group + 1)) for group in best.tolist()]
    logits = [encoding @ head.weights[:, part] + head.bias[part] for part in parts]
    place = int(np.concatenate(logits).argmax())
    return int(best[place // size]) * size + place % size


def _medians(ways: Sequence[Callable[[Encodings], object]], queries: Encodings) -> Sequence[float]:
    """Microseconds that each way takes, in turns."""
    took: list[list[int]] = [[] for _ in ways]
    for query in queries:
        for times, way in zip(took, ways, strict=True):
            began = time.perf_counter_ns()
            way(query)
            times.append(time.perf_counter_ns() - began)
    return [float(np.median(times)) / 1000 for times in took]


def _share(found: Sequence[object], right: Sequence[object]) -> float:
    return 100 * float(np.mean([one == own for one, own in zip(found, right, strict=True)]))
