"""How the traffic of a log falls on the routes."""

from collections.abc import Iterator, Mapping

from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.patient import Patient

IDLE_SHARE, BUSY_SHARE = 0.02, 0.4
"""Shares of traffic below and above which a route is seldom the right cut."""

IDLE_PART = 0.25
"""Of many routes each has less than 2%: idle is one that also has less than a quarter of an even
share."""

ENOUGH = 200
"""Decisions from which shares say something: 2% are then 4, and none by chance in 2% of logs."""


def check_traffic(patient: Patient, logged: Mapping[str, int]) -> Iterator[Finding]:
    """Busy routes, idle ones, and a log that says little.

    Args:
        patient: the routes.
        logged: how often the log names each route.
    """
    total = sum(logged.values())
    yield from _strange(patient, logged, total)
    if total < ENOUGH:
        return
    routes = sorted(set(patient.exemplars.routes) | (set(logged) & set(patient.catalog.routes)))
    even = 1 / max(1, len(routes))
    shares = {route: logged.get(route, 0) / total for route in routes}
    for route, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share > BUSY_SHARE:
            yield Finding(
                kind=Kind.BUSY,
                severity=Severity.WARNING,
                routes=(route,),
                problem=f"{route} gets {share:.0%} of the traffic.",
                figures={"share": share, "decisions": logged.get(route, 0), "of": total},
                cure="See what its queries have in common and split it, or, if it is the default "
                "route, make a route of them.",
            )
    for route, share in sorted(shares.items(), key=lambda item: item[1]):
        if share < min(IDLE_SHARE, IDLE_PART * even):
            yield Finding(
                kind=Kind.IDLE,
                severity=Severity.WARNING,
                routes=(route,),
                problem=f"{route} gets {share:.1%} of the traffic.",
                figures={"share": share, "decisions": logged.get(route, 0), "of": total},
                cure="Merge it into a neighbour, unless what it does is rare and worth a "
                "specialist; or add exemplars in its users' words.",
            )


def _strange(patient: Patient, logged: Mapping[str, int], total: int) -> Iterator[Finding]:
    unknown = tuple(sorted(set(logged) - set(patient.catalog.routes)))
    if total < ENOUGH:
        yield Finding(
            kind=Kind.STRANGE_LOG,
            severity=Severity.HINT,
            routes=(),
            problem=f"The log holds {total} decisions, too few for shares of traffic.",
            figures={"decisions": total},
            cure=f"Give a log of {ENOUGH} decisions or more.",
        )
    if unknown:
        yield Finding(
            kind=Kind.STRANGE_LOG,
            severity=Severity.HINT,
            routes=unknown,
            problem="The log names routes that the bundle does not have.",
            figures={"decisions": sum(logged[route] for route in unknown)},
            cure="Give a log of the routes as they are now.",
        )
