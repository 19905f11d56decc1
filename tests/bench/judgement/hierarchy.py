"""`python -m tests.bench.judgement.hierarchy`: nested folders against a flat list."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Labelled, Task, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.figures import figures
from tests.bench.judgement.hierarchy_cost import Cost, measure_cost
from tests.bench.pages import splice, table
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.bundle import Bundle, build_bundle
from waypost_server.core.decision import Decision, decide
from waypost_server.core.head import fit_head
from waypost_server.core.hierarchy import Tree
from waypost_server.core.outcome import Reason
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, Ranker
from waypost_server.core.router import NO_NEIGHBOURS
from waypost_server.core.shortlist import ask_head
from waypost_server.lab.columns import Doubles, Mask

RAW = REPO / "docs/benchmarks/hierarchy.json"
SHOTS = ("10", "all")
SEED = 20_251
BEAMS = (1, 2, 3)
BAR = 0.75


@dataclass(frozen=True, slots=True)
class Row:
    """One world; shares and errors in percent.

    Attributes:
        accuracy: of the best candidate, flat.
        by_beams: the same with so many beams.
        own_head: the same by p(group) * p(route | group) of a head for groups, without beams.
        error: calibration error of the confidence, flat, and with three beams.
        group: accuracy of the best candidate's group, and of a head for groups.
        group_error: calibration error of the group's probability.
        unsure: queries unsure of the route and sure of its group, of queries with a route.
        unsure_right: those of them whose group is right; None where there are none.
        strangers: queries out of scope that are so.
    """

    accuracy: float
    by_beams: Mapping[int, float]
    own_head: float
    error: tuple[float, float]
    group: tuple[float, float]
    group_error: float
    unsure: float
    unsure_right: float | None
    strangers: float


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    try:
        tasks = {task.shots: task for task in read_tasks(DATA) if task.data == "clinc150"}
    except DataMissingError as error:
        sys.exit(f"bench of the hierarchy: {error}")
    domains = json.loads((DATA / "clinc150/domains.json").read_text("utf-8"))
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    encoder.prepare(text for task in tasks.values() for text in task.all_texts)
    split = "validation" if "--validation" in sys.argv else "test"
    rows = {
        f"{len(domains)} x {size}, {shots}": measure(
            nested(tasks[shots], choose(domains, size)), encoder, split=split
        )
        for size in (10, 15)
        for shots in SHOTS
    }
    costs = measure_cost(tasks["all"], encoder)
    click.echo(render(rows, costs))
    if split == "test":
        raw = {
            "worlds": {name: asdict(row) for name, row in rows.items()},
            "costs": [asdict(cost) for cost in costs],
        }
        RAW.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
        page = splice(PAGE.read_text("utf-8"), "hierarchy", render(rows, costs))
        PAGE.write_text(page, encoding="utf-8")


def choose(domains: Mapping[str, Sequence[str]], size: int) -> Mapping[str, str]:
    """So many routes of each domain, drawn by a seed, and the name of each in its folder."""
    random = np.random.default_rng(SEED)
    return {
        name: f"{domain}/{name}"
        for domain, own in sorted(domains.items())
        for name in random.choice(sorted(own), size, replace=False).tolist()
    }


def nested(task: Task, names: Mapping[str, str]) -> Task:
    """The task with these routes only, called by these names."""

    def of(labelled: Labelled) -> Labelled:
        kept = labelled.only(frozenset(names))
        return Labelled(kept.texts, tuple(names[label] for label in kept.labels))

    return replace(
        task,
        exemplars=of(task.exemplars),
        selection=of(task.selection),
        validation=of(task.validation),
        test=of(task.test),
    )


def measure(task: Task, encoder: CachedEncoder, *, split: str) -> Row:
    """One world."""
    click.echo(f"Asking {len(set(task.exemplars.labels))} routes, {task.shots}", err=True)
    bundle = build_bundle(
        route_set(task.exemplars), encoder, known={}, progress=lambda done, total: None
    )
    asked = task.test if split == "test" else task.validation
    encodings = encoder.encode(asked.texts)
    flat = decisions(bundle, 0, encodings)
    trees = {beams: decisions(bundle, beams, encodings) for beams in BEAMS}
    usual = trees[BEAMS[-1]]
    strangers = decisions(bundle, BEAMS[-1], encoder.encode(task.strangers["out of scope"]))
    groups = np.array([group_of(label) for label in asked.labels])
    right = np.array([group_of(one.best.route) for one in usual]) == groups
    unsure = np.array([one.is_unsure for one in usual])
    own_group, own_route = by_own_head(bundle, encodings)
    names = bundle.exemplars.routes
    return Row(
        accuracy=accuracy(flat, asked.labels),
        by_beams={beams: accuracy(found, asked.labels) for beams, found in trees.items()},
        own_head=100 * float(np.mean([names[i] for i in own_route] == np.array(asked.labels))),
        error=(error(flat, asked.labels), error(usual, asked.labels)),
        group=(100 * float(right.mean()), 100 * float(np.mean(own_group == groups))),
        group_error=_error(np.array([one.group for one in usual]), right),
        unsure=100 * float(unsure.mean()),
        unsure_right=100 * float(right[unsure].mean()) if unsure.any() else None,
        strangers=100 * float(np.mean([one.is_unsure for one in strangers])),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one query.

    Attributes:
        decision: where it goes.
        group: probability of the best candidate's group, in [0, 1]; 0 where there are none.
    """

    decision: Decision
    group: float

    @property
    def best(self) -> Candidate:
        """The best candidate."""
        return self.decision.candidates[0]

    @property
    def is_unsure(self) -> bool:
        """Whether it would go to the default route of its group, if that had one."""
        return self.decision.reasons[0] is Reason.BELOW_MIN_CONFIDENCE and self.group >= BAR


def decisions(bundle: Bundle, beams: int, encodings: Encodings) -> Sequence[Said]:
    """What is decided about queries with so many beams; with 0 of them as one list."""
    catalog, routes, scoring = bundle.catalog, bundle.exemplars, bundle.scoring
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    tree = Tree(routes.routes, beams) if beams else None
    said = []
    for encoding in encodings:
        ranking = Ranker(scoring, routes, index, tree).rank(
            encoding[: bundle.dimension],
            ask_head(scoring.head, encoding),
            NO_NEIGHBOURS,
            count=2,
        )
        group = ranking.groups.get(group_of(ranking.candidates[0].route), 0.0)
        said.append(Said(decide(ranking, catalog, Query(text="x")), group))
    return said


def group_of(route: str) -> str:
    """The group of a route."""
    return route.partition("/")[0]


def by_own_head(bundle: Bundle, encodings: Encodings) -> tuple[Sequence[str], Sequence[int]]:
    """What a head that is fitted for the groups says: each query's group, and its route.

    The route by p(group) * p(route | group), of which the second is the flat head's.
    """
    routes = [group_of(route) for route in bundle.exemplars.routes]
    names, own = np.unique(routes, return_inverse=True)
    head = fit_head(
        bundle.encodings,
        own[bundle.exemplars.route_ids].astype(np.int32),
        len(names),
        dimension=bundle.dimension,
    )
    groups = head.logits(encodings)[0].astype(np.float64)
    logits = bundle.scoring.head.logits(encodings)[0].astype(np.float64)
    whole = np.stack(
        [np.logaddexp.reduce(logits[:, own == i], axis=1) for i in range(len(names))], axis=1
    )
    return names[groups.argmax(axis=1)], (logits + (groups - whole)[:, own]).argmax(axis=1)


def accuracy(found: Sequence[Said], labels: Sequence[str]) -> float:
    """Percent of best candidates that are right."""
    return 100 * float(np.mean(_right(found, labels)))


def error(found: Sequence[Said], labels: Sequence[str]) -> float:
    """Calibration error of the best candidates, in percent."""
    return _error(np.array([one.best.confidence for one in found]), _right(found, labels))


def _right(found: Sequence[Said], labels: Sequence[str]) -> Mask:
    right: Mask = np.array([one.best.route for one in found]) == np.array(labels)
    return right


def _error(confidence: Doubles, right: Mask) -> float:
    measured = figures(("ece",), score=confidence, right=right)["ece"]
    return 100 * measured.value if measured else 0.0


def render(rows: Mapping[str, Row], costs: Sequence[Cost]) -> str:
    """The section."""
    worlds = table(
        [
            "groups x routes, exemplars",
            "accuracy, flat",
            *(f"{beams} beam{'s' * (beams > 1)}" for beams in BEAMS),
            "head of its own for groups",
            "ECE, flat",
            f"{BEAMS[-1]} beams",
            "group right",
            "head of its own",
            "ECE of P(group)",
            "sure of the group only",
            "of these the group is right",
            "strangers sure of a group only",
        ],
        [
            [
                name,
                f"{row.accuracy:.1f}",
                *(f"{row.by_beams[beams] - row.accuracy:+.2f}" for beams in BEAMS),
                f"{row.own_head - row.accuracy:+.2f}",
                *(f"{one / 100:.4f}" for one in row.error),
                *(f"{one:.1f}" for one in row.group),
                f"{row.group_error / 100:.4f}",
                f"{row.unsure:.1f}",
                "-" if row.unsure_right is None else f"{row.unsure_right:.1f}",
                f"{row.strangers:.1f}",
            ]
            for name, row in rows.items()
        ],
    )
    times = table(
        [
            "groups x routes",
            "decision, flat, µs",
            "with groups",
            "right, flat",
            "with groups",
            "search and head, µs",
            "a head for groups, then 3 groups' routes, µs",
            "right, all routes",
            "3 groups' routes",
        ],
        [
            [
                f"{cost.groups} x {cost.groups}",
                *(f"{one:.0f}" for one in (cost.flat_us, cost.tree_us)),
                *(f"{one:.1f}" for one in (cost.flat, cost.tree)),
                *(f"{one:.0f}" for one in (cost.asked_us, cost.own_us)),
                *(f"{one:.1f}" for one in (cost.head, cost.own)),
            ]
            for cost in costs
        ],
    )
    return f"{worlds}\n\n{times}"


if __name__ == "__main__":
    main()
