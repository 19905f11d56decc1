"""What specialists' rejections leave of a query's ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.fields import MAX_NOTE_BYTES, check_bytes, check_decision_id
from waypost_server.core.hierarchy import groups_of
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
        route: the default route, of all routes or of a group, or a fallback.
        fallback_of: whose fallback; empty for a default route as such.
        group: whose default route; empty for that of all routes.
        probability: that the query belongs to that group, in [0, 1].
    """

    route: Route
    fallback_of: str = ""
    group: str = ""
    probability: float = 0.0


def refuge(query: Query, catalog: Catalog) -> Refuge:
    """The default route, or where its specialist rejected the query, the last fallback there is.

    Where there is none, it is the default route all the same: there is no other way.
    """
    rejected = query.rejected_routes
    if catalog.taxonomy.default_route not in rejected:
        return Refuge(catalog.default_route)
    return _fallback_of_any(rejected[::-1], query, catalog)


def refuge_in_group(
    route: str, groups: Mapping[str, float], query: Query, catalog: Catalog
) -> Refuge | None:
    """The default route of the innermost group that is likely enough to be the query's.

    Args:
        route: the best candidate, whose groups these are.
        groups: probabilities by group.
        query: the query.
        catalog: all that is configured.

    Returns:
        The route; None where no such group has one that may be chosen.
    """
    hierarchy, bar = catalog.taxonomy.hierarchy, catalog.taxonomy.min_confidence
    for group in reversed(groups_of(route, groups) if hierarchy else ()):
        default = hierarchy.default_routes.get(group) if hierarchy else None
        if default and groups[group] >= bar and query.choosable((default,)):
            return Refuge(catalog.routes[default], group=group, probability=groups[group])
    return None


def last_resort(query: Query, catalog: Catalog) -> Refuge:
    """The fallback of the route that rejected the query last, or else the default route."""
    return _fallback_of_any(query.rejected_routes[-1:], query, catalog)


def _fallback_of_any(routes: Sequence[str], query: Query, catalog: Catalog) -> Refuge:
    for name in routes:
        other = catalog.fallback_of(catalog.routes[name], without=query.off.routes)
        if other and query.choosable((other,)):
            return Refuge(catalog.routes[other], fallback_of=name)
    return Refuge(catalog.default_route)
