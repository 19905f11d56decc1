"""Regression queries must not contradict what the routes are taught."""

from collections.abc import Iterator, Sequence

from waypost_server.adapters.route_source import RouteSource


def check_regression(routes: Sequence[RouteSource]) -> Iterator[str]:
    """Every query that cannot go where it must, and its cure."""
    exemplar_of = {text: route.name for route in routes for text in route.exemplars}
    asked_by: dict[str, str] = {}
    for route in routes:
        for query in route.regression:
            shown = repr(query.text[:80])
            other = exemplar_of.get(query.text, route.name)
            if query.text not in route.exemplars and other != route.name:
                yield (
                    f"{query.source}: {shown} is an exemplar of {other}, so that it goes there; "
                    "remove one of the two"
                )
            if query.text in route.negatives:
                yield (
                    f"{query.source}: {shown} is a negative of the same route; "
                    "remove one of the two"
                )
            known = asked_by.setdefault(query.text, route.name)
            if known != route.name:
                yield (
                    f"{query.source}: {shown} must go to {known}, too, as its regression queries "
                    "say; remove one of the two"
                )
