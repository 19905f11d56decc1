"""Exemplars that are there twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from waypost_server.core.exemplars import folded, twins
from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.near_exemplars import NearExemplars
from waypost_server.lab.patient import Patient

NEAR_SAME = 0.97
"""Cosine from which two sentences are one for the encoder. In CLINC150 (10 a route) pairs above it
differ by "please" or a pronoun (1.9% of exemplars; 0 across routes), those from 0.95 to 0.97 by a
word of content now and then: "can i call you something else" and "can you call me something else"
are 0.952 and rightly of two routes. With 100 a route: 11.6% and 0.03%. The shipped routes have
none above 0.9."""


def check_duplicates(patient: Patient, near: NearExemplars) -> Iterator[Finding]:
    """The same sentence, but for case and spaces, and nearly the same."""
    keys = [folded(text) for text in patient.exemplars.texts]
    groups: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        groups[key].append(row)
    for rows in groups.values():
        yield from _same(patient, rows)
    yield from _nearly_same(patient, near, keys)


def twin_rows(patient: Patient) -> frozenset[int]:
    """Rows of sentences that another route has too."""
    texts = patient.exemplars.texts
    found = twins((patient.route_of(row), text) for row, text in enumerate(texts))
    return frozenset(row for row, text in enumerate(texts) if folded(text) in found)


def _same(patient: Patient, rows: Sequence[int]) -> Iterator[Finding]:
    by_route: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_route[patient.route_of(row)].append(row)
    if len(by_route) > 1:
        yield Finding(
            kind=Kind.SAME_IN_TWO_ROUTES,
            severity=Severity.ERROR,
            routes=tuple(by_route),
            problem=f"The same sentence is an exemplar of {' and '.join(by_route)}.",
            sentences=patient.sentences(own[0] for own in by_route.values()),
            cure="Keep it in the route that should answer it and remove it from the others.",
        )
    for route, own in by_route.items():
        if len(own) > 1:
            yield Finding(
                kind=Kind.DUPLICATE,
                severity=Severity.WARNING,
                routes=(route,),
                problem=f"The same sentence is {len(own)} times an exemplar of {route}.",
                sentences=patient.sentences(own[:1]),
                figures={"times": len(own)},
                cure="Keep one of them; a repetition weighs more and teaches nothing.",
            )


def _nearly_same(patient: Patient, near: NearExemplars, keys: Sequence[str]) -> Iterator[Finding]:
    for others, cosines, across in (
        (near.other, near.other_cosine, True),
        (near.own, near.own_cosine, False),
    ):
        pairs = {
            (min(row, int(others[row])), max(row, int(others[row]))): float(cosines[row])
            for row in (cosines >= NEAR_SAME).nonzero()[0].tolist()
        }
        for rows, cosine in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
            if keys[rows[0]] != keys[rows[1]]:
                yield _near_pair(patient, rows, cosine, across=across)


def _near_pair(patient: Patient, rows: tuple[int, int], cosine: float, *, across: bool) -> Finding:
    routes = tuple(dict.fromkeys(map(patient.route_of, rows)))
    cure = (
        "Keep one of the two, or reword both so that the difference shows."
        if across
        else "Replace one of them by a query that is worded differently."
    )
    return Finding(
        kind=Kind.NEAR_SAME_IN_TWO_ROUTES if across else Kind.NEAR_DUPLICATE,
        severity=Severity.WARNING if across else Severity.HINT,
        routes=routes,
        problem=f"Two exemplars of {' and '.join(routes)} are the same to the encoder.",
        sentences=patient.sentences(rows),
        figures={"cosine": cosine},
        cure=cure,
    )
