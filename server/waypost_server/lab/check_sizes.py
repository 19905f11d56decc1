"""Routes with too few exemplars."""

from collections.abc import Iterator

import numpy as np

from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.patient import Patient

FEW = 5
"""With fewer, a fold of the build's cross-fitting holds out a quarter or more of the route; 5 is
also the smallest count that the benchmarks measure."""

FAR_BELOW_MEDIAN = 0.2
"""A route of this share of the median seldom wins a close call against a larger one."""


def check_sizes(patient: Patient) -> Iterator[Finding]:
    """Thin routes, the smallest first; then those that are small beside the others."""
    counts = patient.exemplars.counts
    median = float(np.median(list(counts.values()))) if counts else 0.0
    for route, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if count < FEW:
            yield Finding(
                kind=Kind.THIN,
                severity=Severity.WARNING,
                routes=(route,),
                problem=f"{route} has {count} exemplar{'s' if count > 1 else ''}.",
                figures={"exemplars": count},
                cure="Add some until there are 10 to 50 varied ones.",
            )
        elif count < FAR_BELOW_MEDIAN * median:
            yield Finding(
                kind=Kind.UNEVEN,
                severity=Severity.HINT,
                routes=(route,),
                problem=f"{route} has {count} exemplars, the median route {median:g}.",
                figures={"exemplars": count, "median": median},
                cure="Add exemplars, or remove repetitive ones from the larger routes.",
            )
