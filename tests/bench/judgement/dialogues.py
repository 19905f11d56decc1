"""SGD's dialogues (Rastogi et al. 2020): users' turns, and which service each one is about."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Labelled
from tests.bench.accuracy.encodings import CachedEncoder
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.bundle import Bundle, build_bundle
from waypost_server.core.ports import Encodings
from waypost_server.core.query import DEFAULT_CANDIDATES
from waypost_server.core.ranking import Ranker, Ranking
from waypost_server.core.router import Router

FOLDER = "multi_turn/sgd"


class By(Enum):
    """What a route stands for."""

    DOMAIN = "domain"
    """All services of a kind, such as Hotels."""

    SERVICE = "service"
    """One service, such as Hotels_2, whose sisters may be told from it by hardly anything."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a user said; `opens` where it says what is wanted, so that it can be an exemplar."""

    text: str
    service: str
    domain: str
    opens: bool

    def label(self, by: By) -> str:
        """The route that it belongs to."""
        return self.domain if by is By.DOMAIN else self.service


Dialogue = Sequence[Turn]


def read_dialogues(root: Path, split: str) -> list[Dialogue]:
    """The dialogues of a split below the folder of the data sets; raises DataMissingError."""
    path = root / FOLDER / f"{split}.jsonl"
    if not path.is_file():
        raise DataMissingError(f"there is no {path}: put the data sets there, then run this again")
    with path.open(encoding="utf-8") as lines:
        return [
            [
                Turn(turn["text"], turn["label"], turn["domain"], "INFORM_INTENT" in turn["acts"])
                for turn in json.loads(line)["turns"]
            ]
            for line in lines
        ]


def openers(
    dialogues: Iterable[Dialogue],
    by: By,
    *,
    each: int | None = None,
    skip: Collection[str] = (),
) -> Labelled:
    """Turns to make exemplars of, each text once.

    Args:
        dialogues: where they are from.
        by: what a route stands for.
        each: how many of a route, the first ones; None for all.
        skip: routes that get none.
    """
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    for turn in (turn for dialogue in dialogues for turn in dialogue if turn.opens):
        label = turn.label(by)
        if turn.text not in found and label not in skip and counts.get(label, 0) != each:
            found[turn.text] = label
            counts[label] = counts.get(label, 0) + 1
    return Labelled(tuple(found), tuple(found.values()))


def known(dialogues: Iterable[Dialogue], by: By, routes: Iterable[str]) -> list[Dialogue]:
    """Those of the dialogues that are about nothing but these routes."""
    names = set(routes)
    return [d for d in dialogues if all(turn.label(by) in names for turn in d)]


def bundle_of(exemplars: Labelled, encoder: CachedEncoder, *, stickiness: float = 1.0) -> Bundle:
    """A bundle, built as `waypost build` does."""
    routes = route_set(exemplars)
    taxonomy = replace(routes.catalog.taxonomy, stickiness=stickiness)
    return build_bundle(
        replace(routes, catalog=replace(routes.catalog, taxonomy=taxonomy)),
        encoder,
        known={},
        progress=lambda done, total: None,
    )


def router_of(bundle: Bundle) -> Router:
    """What decides with it."""
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    return Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)


def ranked(router: Router, encoding: Encodings, previous: str = "") -> Ranking:
    """How the router ranks a query by itself; `previous` is a candidate whatever its place."""
    return Ranker(router.scoring, router.exemplars, router.index).rank(
        encoding[: router.index.dimension],
        router.shortlist(encoding),
        router.search(encoding),
        count=DEFAULT_CANDIDATES,
        also=previous,
    )
