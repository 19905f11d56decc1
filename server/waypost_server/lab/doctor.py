"""`waypost doctor`: what is wrong with exemplars and routes, the most important first."""

from collections.abc import Iterator, Mapping

from waypost_server.lab.check_catalog import check_catalog
from waypost_server.lab.check_confusion import check_confusion
from waypost_server.lab.check_dead import check_dead
from waypost_server.lab.check_duplicates import check_duplicates
from waypost_server.lab.check_overlap import check_overlap
from waypost_server.lab.check_rules import Evidence, check_rules
from waypost_server.lab.check_sizes import check_sizes
from waypost_server.lab.check_strays import check_strays
from waypost_server.lab.check_traffic import check_traffic
from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.near_exemplars import find_near
from waypost_server.lab.patient import Patient
from waypost_server.lab.second_opinion import ask_again

_SEVERITIES, _KINDS = list(Severity), list(Kind)


def examine(
    patient: Patient,
    logged: Mapping[str, int] | None = None,
    *,
    ruled: Evidence | None = None,
) -> tuple[Finding, ...]:
    """All findings by severity, then by kind, then as its check ranks them.

    Args:
        patient: what to examine.
        logged: how often a log names each route; None without a log.
        ruled: what the rules make of known texts; None without rules.
    """
    found = [*check_sizes(patient), *check_catalog(patient), *_check_exemplars(patient)]
    if logged is not None:
        found += check_traffic(patient, logged)
    if ruled is not None:
        taxonomy = patient.catalog.taxonomy
        found += check_rules(patient.catalog.rules, ruled, least_right=taxonomy.min_confidence)
    return tuple(
        sorted(
            found,
            key=lambda one: (_SEVERITIES.index(one.severity), _KINDS.index(one.kind)),
        )
    )


def _check_exemplars(patient: Patient) -> Iterator[Finding]:
    if not patient.exemplars.texts:
        return
    near = find_near(patient.vectors, patient.exemplars)
    opinion = ask_again(patient)
    yield from check_duplicates(patient, near)
    yield from check_strays(patient, near, opinion)
    confused: list[Finding] = []
    if opinion is not None:
        confused = list(check_confusion(patient, opinion))
        yield from confused
        yield from check_dead(patient, near, opinion)
    yield from check_overlap(patient, known={finding.routes for finding in confused})
