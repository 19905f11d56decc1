"""From what routers said to figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.bench.accuracy.contestants import Said, WaypostSaid
from tests.bench.accuracy.datasets import Task
from tests.bench.accuracy.figures import Figures, Floats, error_by_chance, figures
from waypost_server.lab.columns import Ints, Mask

CALIBRATION = ("ece", "coverage", "coverage_accuracy")
SEPARATION = ("oos_recall_at_loss", "auroc")
DECISION = ("oos_recall", "scope_loss", "oos_turned_away", "routed_accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFigures:
    """One router on one task.

    Attributes:
        in_scope: accuracy, and what is in `CALIBRATION` if it claims a probability.
        strangers: what is in `SEPARATION`, by name of the strangers.
    """

    in_scope: Figures
    strangers: Mapping[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures:
    """All figures of a task.

    Attributes:
        exemplars: how many a router is built from.
        routes: of how many routes.
        queries: how many belong to a route.
        strangers: how many belong to none, by name.
        routers: by name of the router.
        settings: aggregation and top_k of each peer's row, by name of the router.
        scope: the product's scope probability instead of its confidence, by name of the strangers.
        decided: what is in `DECISION`, by name of the strangers.
        ece_by_chance: ECE of the product's confidences if they were perfect.
        fit_seconds: from encodings to a bundle.
    """

    exemplars: int
    routes: int
    queries: int
    strangers: Mapping[str, int]
    routers: Mapping[str, RouterFigures]
    settings: Mapping[str, str]
    scope: Mapping[str, Figures]
    decided: Mapping[str, Figures]
    ece_by_chance: float
    fit_seconds: float


def measure_task(
    task: Task, product: WaypostSaid, others: Mapping[str, Said], settings: Mapping[str, str]
) -> TaskFigures:
    """The figures of a task, the product's under the name `Waypost`."""
    count = len(task.test.texts)
    routers = {**others, "Waypost": product.best}
    return TaskFigures(
        exemplars=len(task.exemplars.texts),
        routes=len(set(task.exemplars.labels)),
        queries=count,
        strangers={name: len(texts) for name, texts in task.strangers.items()},
        routers={name: _router(task, said) for name, said in routers.items()},
        settings=settings,
        scope=_separated(task, product.best, product.scope),
        decided=_decided(task, product),
        ece_by_chance=error_by_chance(product.best.score[:count]),
        fit_seconds=product.fit_seconds,
    )


def _router(task: Task, said: Said) -> RouterFigures:
    right = _right(task, said)
    score = (said.score if said.confidence is None else said.confidence)[: len(right)]
    names = ("accuracy", *(() if said.confidence is None else CALIBRATION))
    return RouterFigures(
        in_scope=figures(names, score=score, right=right),
        strangers=_separated(task, said, said.score),
    )


def _right(task: Task, said: Said) -> Mask:
    right: Mask = said.labels[: len(task.test.labels)] == np.array(task.test.labels)
    return right


def _separated(task: Task, said: Said, score: Floats) -> dict[str, Figures]:
    right = _right(task, said)
    return {
        name: figures(
            SEPARATION,
            score=score[rows],
            right=_padded(right, rows),
            strangers=len(rows) - len(right),
        )
        for name, rows in _rows(task).items()
    }


def _decided(task: Task, product: WaypostSaid) -> dict[str, Figures]:
    right = _right(task, product.best)
    return {
        name: figures(
            DECISION,
            score=product.best.score[rows],
            right=_padded(right, rows),
            strangers=len(rows) - len(right),
            called_oos=product.out_of_scope[rows],
            matched=product.matched[rows],
        )
        for name, rows in _rows(task).items()
    }


def _padded(right: Mask, rows: Ints) -> Mask:
    """`right` of the queries, and False for the strangers among `rows`."""
    return np.concatenate([right, np.zeros(len(rows) - len(right), dtype=bool)])


def _rows(task: Task) -> dict[str, Ints]:
    """For each kind of strangers the rows of all queries and of those strangers."""
    queries = np.arange(len(task.test.texts))
    rows, start = {}, len(queries)
    for name, texts in task.strangers.items():
        rows[name] = np.concatenate([queries, np.arange(start, start + len(texts))])
        start += len(texts)
    return rows
