"""Pairs of routes that the router takes for each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from waypost_server.lab.finding import Finding, Kind, Sentence, Severity
from waypost_server.lab.patient import Patient
from waypost_server.lab.second_opinion import SecondOpinion

MIN_MISTAKES, MISTAKEN_SHARE = 3, 0.05
"""A pair is confusable from so many exemplars on, and so large a share of those of both routes."""

MERGE_SHARE = 0.4
"""Two routes are one when so many of the exemplars of each are undecided between them: a toss of a
coin sends half of them wrong. Of CLINC150's 11,175 pairs (10 a route) "yes" and "no" alone do."""

SHOWN = 4
"""Sentences that show a pair, half of them of each route if there are so many."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two routes and the held-out exemplars of either, as places in the second opinion.

    Attributes:
        first, second: the routes' ids.
        wrong: places sent to the other route, the surest mistake first.
        undecided: the same, and then those torn between the two.
        sizes: how many were held out of each.
    """

    first: int
    second: int
    wrong: tuple[int, ...]
    undecided: tuple[int, ...]
    sizes: tuple[int, int]

    @property
    def confusable(self) -> bool:
        least = max(MIN_MISTAKES, MISTAKEN_SHARE * sum(self.sizes))
        return len(self.wrong) >= least


def check_confusion(patient: Patient, opinion: SecondOpinion) -> Iterator[Finding]:
    """Routes to merge, and pairs that are confused.

    An exemplar is torn between its route and another when, held out, these two are its best and
    second best, its confidence is below the taxonomy's least, and that of both together is not: it
    is surely one of the two, and not which. Confidences of two routes that are one so gather
    between a half and three quarters.
    """
    pairs = sorted(
        _pairs(patient, opinion),
        key=lambda pair: (-len(pair.wrong) / sum(pair.sizes), pair.first, pair.second),
    )
    for pair in pairs:
        if _one_route(pair, opinion):
            yield _merge(patient, opinion, pair)
        elif pair.confusable:
            yield _confusable(patient, opinion, pair)


def _pairs(patient: Patient, opinion: SecondOpinion) -> Iterator[_Pair]:
    bar = patient.catalog.taxonomy.min_confidence
    wrong = opinion.best != opinion.own
    torn = (
        (~wrong | (opinion.second == opinion.own))
        & (opinion.confidence < bar)
        & (opinion.confidence + opinion.second_confidence >= bar)
    )
    rival = np.where(wrong, opinion.best, opinion.second)
    sizes = np.bincount(opinion.own, minlength=len(patient.exemplars.routes))
    places: dict[tuple[int, int], list[int]] = {}
    for place in np.flatnonzero(wrong | torn).tolist():
        ids = sorted((int(opinion.own[place]), int(rival[place])))
        places.setdefault((ids[0], ids[1]), []).append(place)
    for (first, second), found in places.items():
        mistakes = [place for place in found if wrong[place]]
        mistakes.sort(key=lambda place: -opinion.confidence[place])
        held = int(sizes[first]), int(sizes[second])
        others = [place for place in found if not wrong[place]]
        yield _Pair(first, second, tuple(mistakes), (*mistakes, *others), held)


def _one_route(pair: _Pair, opinion: SecondOpinion) -> bool:
    own = opinion.own[list(pair.undecided)]
    return all(
        count >= max(MIN_MISTAKES, MERGE_SHARE * size)
        for count, size in zip(
            ((own == pair.first).sum(), (own == pair.second).sum()), pair.sizes, strict=True
        )
    )


def _merge(patient: Patient, opinion: SecondOpinion, pair: _Pair) -> Finding:
    first, second = (patient.exemplars.routes[i] for i in (pair.first, pair.second))
    return Finding(
        kind=Kind.MERGE,
        severity=Severity.WARNING,
        routes=(first, second),
        problem=f"The router cannot tell {first} and {second} apart.",
        sentences=_shown(patient, opinion, pair, pair.undecided),
        figures={
            "undecided": len(pair.undecided),
            "mistakes": len(pair.wrong),
            "of": sum(pair.sizes),
            "median_confidence": float(np.median(opinion.confidence[list(pair.undecided)])),
        },
        cure="Merge them and let one specialist answer both, or reword their exemplars so that "
        "what differs is said in words.",
    )


def _confusable(patient: Patient, opinion: SecondOpinion, pair: _Pair) -> Finding:
    first, second = (patient.exemplars.routes[i] for i in (pair.first, pair.second))
    return Finding(
        kind=Kind.CONFUSABLE,
        severity=Severity.WARNING,
        routes=(first, second),
        problem=f"The router takes {first} and {second} for each other.",
        sentences=_shown(patient, opinion, pair, pair.wrong),
        figures={"mistakes": len(pair.wrong), "of": sum(pair.sizes)},
        cure="Add exemplars to both that lie close to the other route, in pairs that differ in "
        "what makes the difference.",
    )


def _shown(
    patient: Patient, opinion: SecondOpinion, pair: _Pair, places: Sequence[int]
) -> tuple[Sentence, ...]:
    rank = {pair.first: 0, pair.second: 0}
    ranked = []
    for place in places:
        own = int(opinion.own[place])
        ranked.append((rank[own], int(opinion.rows[place])))
        rank[own] += 1
    return patient.sentences(row for _, row in sorted(ranked)[:SHOWN])
