"""What specialists' rejections leave of a query's ways."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.fields import MAX_NOTE_BYTES, check_bytes, check_decision_id
from waypost_server.core.query import Query

MAX_REROUTES = 2
"""Rejections after which the query is still looked at: each costs the user a specialist's call."""


def check_reroute(*, decision_id: str, rejected: Sequence[str], reason: str) -> None:
    """Raises InvalidQueryError unless this may be a wish to reroute.

    Whether the routes are loaded is checked with the query.
    """
    check_decision_id(decision_id)
    if not rejected:
        raise InvalidQueryError("rejected_routes is empty; name the route that rejected the query")
    if len(set(rejected)) < len(rejected):
        twice = next(name for i, name in enumerate(rejected) if name in rejected[:i])
        raise InvalidQueryError(f"rejected_routes names {twice[:128]!r} twice; name each once")
    check_bytes("rejection_reason", reason, MAX_NOTE_BYTES)


@dataclass(frozen=True, slots=True)
class Refuge:
    """Where a query goes that no candidate is good enough for.

    Attributes:
        route: the default route, or a fallback.
        fallback_of: whose fallback; empty for the default route as such.
    """

    route: Route
    fallback_of: str = ""


def refuge(query: Query, catalog: Catalog) -> Refuge:
    """The default route, or where its specialist rejected the query, the last fallback there is.

    Where there is none, it is the default route all the same: there is no other way.
    """
    rejected = query.rejected_routes
    if catalog.taxonomy.default_route not in rejected:
        return Refuge(catalog.default_route)
    return _fallback_of_any(rejected[::-1], query, catalog)


def last_resort(query: Query, catalog: Catalog) -> Refuge:
    """The fallback of the route that rejected the query last, or else the default route."""
    return _fallback_of_any(query.rejected_routes[-1:], query, catalog)


def _fallback_of_any(routes: Sequence[str], query: Query, catalog: Catalog) -> Refuge:
    for name in routes:
        other = catalog.fallback_of(catalog.routes[name], without=query.off.routes)
        if other and query.choosable((other,)):
            return Refuge(catalog.routes[other], fallback_of=name)
    return Refuge(catalog.default_route)
