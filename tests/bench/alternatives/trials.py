"""What every alternative is given: exemplars and validation queries of one data set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.bench.accuracy.datasets import DataMissingError, Labelled, Task, read_tasks
from waypost_server.core.head import INNER_SCALE
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.softmax import Floats, Labels

DATA_SETS = ("banking77", "hwu64", "clinc150")
SHOTS = ("5", "10")

Scores = npt.NDArray[np.floating]
"""Of each query for each route, the higher the better; shape (queries, routes)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """n texts with their encodings, shape (n, width), and the ids of their routes, shape (n,)."""

    texts: tuple[str, ...]
    encodings: Encodings
    routes: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One column of the table.

    Attributes:
        data: name of the data set.
        shots: exemplars a route.
        exemplars: what is fitted on, route by route.
        queries: what is asked, from the validation split.
        sizes: how many exemplars each route has, shape (routes,).
        dimension: length of the unit vector at the front of an encoding; the inner one follows.
        groups: the group that each route belongs to, shape (routes,), where the data have any.
    """

    data: str
    shots: str
    exemplars: Texts
    queries: Texts
    sizes: Labels
    dimension: int
    groups: Labels | None = None

    @property
    def routes(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def similarities(self) -> Floats:
        """Cosines of queries and exemplars, shape (queries, exemplars)."""
        units, others = self.units()
        return others @ units.T

    def units(self) -> tuple[Floats, Floats]:
        """Unit vectors of the exemplars and of the queries."""
        end = self.dimension
        return self.exemplars.encodings[:, :end], self.queries.encodings[:, :end]

    def both(self) -> tuple[Floats, Floats]:
        """Unit and inner vectors of exemplars and queries, scaled as the product's head does."""
        inner = self.exemplars.encodings[:, self.dimension :]
        centre = inner.mean(axis=0)
        spread = float(np.sqrt(np.square(inner - centre).sum(axis=1).mean()))
        scale = np.float32(INNER_SCALE / max(spread, 1e-6))
        units = self.units()
        inners = (inner, self.queries.encodings[:, self.dimension :])
        exemplars, queries = (
            np.hstack([unit, (own - centre) * scale])
            for unit, own in zip(units, inners, strict=True)
        )
        return exemplars, queries

    def inputs(self) -> Mapping[str, tuple[Floats, Floats]]:
        """Either, for a head that is tried on both."""
        return {"unit": self.units(), "unit and inner": self.both()}


def read_validation_tasks(root: Path) -> list[Task]:
    """Tasks of which only exemplars and validation are for use here; raises DataMissingError."""
    return [task for task in read_tasks(root) if task.data in DATA_SETS and task.shots in SHOTS]


def make_trial(task: Task, encoder: Encoder, root: Path) -> Trial:
    """The trial of a task; raises DataMissingError.

    Validation rows that the data sets repeat (theirs is drawn with replacement) count once:
    McNemar's test takes queries for independent.
    """
    names = sorted(set(task.exemplars.labels))
    exemplars = _texts(task.exemplars, names, encoder)
    order = np.argsort(exemplars.routes, kind="stable")
    pairs = dict.fromkeys(zip(task.validation.texts, task.validation.labels, strict=True))
    texts, labels = zip(*pairs, strict=True)
    return Trial(
        data=task.data,
        shots=task.shots,
        exemplars=Texts(
            tuple(exemplars.texts[i] for i in order),
            exemplars.encodings[order],
            exemplars.routes[order],
        ),
        queries=_texts(Labelled(texts, labels), names, encoder),
        sizes=np.bincount(exemplars.routes).astype(np.int32),
        dimension=encoder.dimension,
        groups=_groups(task.data, names, root),
    )


def _texts(labelled: Labelled, names: Sequence[str], encoder: Encoder) -> Texts:
    ids = {name: i for i, name in enumerate(names)}
    routes = np.array([ids[label] for label in labelled.labels], dtype=np.int32)
    return Texts(labelled.texts, encoder.encode(labelled.texts).astype(np.float32), routes)


def _groups(data: str, names: Sequence[str], root: Path) -> Labels | None:
    """CLINC150's ten domains, HWU64's eighteen scenarios; BANKING77 is all one domain."""
    match data:
        case "clinc150":
            path = root / data / "domains.json"
            if not path.is_file():
                raise DataMissingError(f"{path} is missing: it says which domain a label is of")
            domains = json.loads(path.read_text("utf-8"))
            group_of = {name: domain for domain, own in domains.items() for name in own}
        case "hwu64":
            group_of = {name: name.partition("_")[0] for name in names}
        case _:
            return None
    return np.unique([group_of[name] for name in names], return_inverse=True)[1].astype(np.int32)
