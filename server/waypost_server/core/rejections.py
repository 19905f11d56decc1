"""What specialists' rejections leave of a query's ways."""

from collections.abc import Sequence

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


def refuge(query: Query, catalog: Catalog) -> Route:
    """Where a query goes that no candidate is good enough for.

    That is the default route, and where its specialist rejected the query, the last resort.
    """
    default = catalog.default_route
    return last_resort(query, catalog) if default.name in query.rejected_routes else default


def last_resort(query: Query, catalog: Catalog) -> Route:
    """Where the route that rejected the query last sends it, or else the default route.

    The default route may itself have rejected it: it is where a query goes that has no other way.
    """
    other = catalog.fallback_of(catalog.routes[query.rejected_routes[-1]])
    return catalog.routes[other] if other and query.choosable((other,)) else catalog.default_route
