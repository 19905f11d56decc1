"""Exemplars that look as if they belonged to another route."""

from collections.abc import Iterator

import numpy as np

from waypost_server.lab.check_duplicates import twin_rows
from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.near_exemplars import NONE, NearExemplars
from waypost_server.lab.patient import Patient
from waypost_server.lab.second_opinion import SecondOpinion

CLEARLY_NEARER = 0.1
"""By how much the mean cosine of another route's nearest exemplars must be higher: without a lead,
36% of the shipped routes' exemplars are nearer to another route, and four of five of them are
routed rightly all the same; with it 6% are, and more than half of them are routed wrongly. Of
CLINC150's (10 a route) 4% are, and four of five of them are routed wrongly."""


def check_strays(
    patient: Patient, near: NearExemplars, opinion: SecondOpinion | None
) -> Iterator[Finding]:
    """Exemplars that the router would send elsewhere, and be sure; then those just nearer.

    Sure is the taxonomy's least confidence: from there on a query so worded would be answered by
    the wrong specialist. A sentence that two routes hold is no stray but a contradiction.
    """
    skipped = set(twin_rows(patient))
    if opinion is not None:
        for finding, row in _misrouted(patient, near, opinion, skipped):
            yield finding
            skipped.add(row)
    yield from _nearer_elsewhere(patient, near, skipped)


def _misrouted(
    patient: Patient, near: NearExemplars, opinion: SecondOpinion, skipped: set[int]
) -> list[tuple[Finding, int]]:
    sure = opinion.confidence >= patient.catalog.taxonomy.min_confidence
    found = []
    places = np.flatnonzero(sure & (opinion.best != opinion.own))
    for place in sorted(places.tolist(), key=lambda place: -opinion.confidence[place]):
        row = int(opinion.rows[place])
        own, other = patient.route_of(row), patient.exemplars.routes[opinion.best[place]]
        if row not in skipped:
            finding = Finding(
                kind=Kind.MISROUTED,
                severity=Severity.WARNING,
                routes=(own, other),
                problem=f"Without it, the router would send this exemplar of {own} to {other}.",
                sentences=patient.sentences([row]),
                figures={
                    "confidence": float(opinion.confidence[place]),
                    "nearest_own": float(near.own_cosine[row]),
                    "nearest_elsewhere": float(near.other_cosine[row]),
                },
                cure=f"Move it to {other} if it belongs there; if not, give {own} two or three "
                "more exemplars like it.",
            )
            found.append((finding, row))
    return found


def _nearer_elsewhere(
    patient: Patient, near: NearExemplars, skipped: set[int]
) -> Iterator[Finding]:
    lead = near.other_closeness - near.own_closeness
    rows = np.flatnonzero((lead >= CLEARLY_NEARER) & (near.own_cosine > NONE))
    for row in sorted(rows.tolist(), key=lambda row: -lead[row]):
        if row in skipped:
            continue
        own, other = patient.route_of(row), patient.route_of(int(near.other[row]))
        yield Finding(
            kind=Kind.NEARER_ELSEWHERE,
            severity=Severity.HINT,
            routes=(own, other),
            problem=f"This exemplar of {own} is nearer to exemplars of another route.",
            sentences=patient.sentences([row, int(near.other[row])]),
            figures={
                "own_closeness": float(near.own_closeness[row]),
                "other_closeness": float(near.other_closeness[row]),
            },
            cure=f"See whether it belongs to {own}; if so, add one or two exemplars like it.",
        )
