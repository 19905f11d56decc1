"""The routes worth comparing with a query exemplar by exemplar: those that the head likes best."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from waypost_server.core.evidence import NO_RIVAL, SHORTLIST, Floats, Ids
from waypost_server.core.head import Head
from waypost_server.core.ports import Encodings


@dataclass(frozen=True, slots=True)
class Shortlist:
    """What the head says of one query.

    Attributes:
        routes: positions of the routes that it was asked about, ascending, shape (k,); None for
            all of them.
        logits: of each, shape (k,).
        outside: of out of scope, if it knows that.
        liked: the `SHORTLIST` routes that it likes best, and the logit of each, best first.
    """

    routes: Ids | None
    logits: Floats
    outside: float | None
    liked: Sequence[tuple[int, float]]

    @property
    def lead(self) -> float:
        """The best logit's lead over the second, `NO_RIVAL` at most; there is at least one."""
        if len(self.liked) < 2:
            return float(NO_RIVAL)
        return min(self.liked[0][1] - self.liked[1][1], float(NO_RIVAL))

    def more(self, routes: Collection[int] | None, count: int) -> Sequence[tuple[int, float]]:
        """The best of some routes, or of all, that are not among the liked: at most `count`."""
        known = {route for route, _ in self.liked}
        logits = self.logits.tolist()
        asked = range(len(logits)) if self.routes is None else self.routes.tolist()
        others = [
            (route, logit)
            for route, logit in zip(asked, logits, strict=True)
            if route not in known and (routes is None or route in routes)
        ]
        return sorted(others, key=lambda other: -other[1])[:count]


def ask_head(head: Head, encoding: Encodings, routes: Ids | None = None) -> Shortlist:
    """Asks a head about one query.

    Args:
        head: of at least one route.
        encoding: of the query, shape (width,).
        routes: positions of the routes to ask about, ascending; None for all.
    """
    if routes is None:
        found = encoding @ head.map.weights + head.map.bias
    else:
        columns = routes
        if len(head.map.bias) > head.routes:
            columns = np.append(routes, np.int32(head.routes))
        found = encoding @ head.map.weights[:, columns] + head.map.bias[columns]
    count = head.routes if routes is None else len(routes)
    logits = found[:count]
    best = np.argpartition(logits, -SHORTLIST)[-SHORTLIST:] if count > SHORTLIST else range(count)
    places = [int(place) for place in best]
    liked = sorted(
        (
            (place if routes is None else int(routes[place]), float(logits[place]))
            for place in places
        ),
        key=lambda route: (-route[1], route[0]),
    )
    outside = float(found[count]) if len(found) > count else None
    return Shortlist(routes, logits, outside, liked)
