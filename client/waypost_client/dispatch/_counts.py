"""What a dispatcher has done so far."""

from collections import Counter
from dataclasses import dataclass, field

from waypost_client.dispatch._recent import MAX_NAME

ROUTES = 10_000
"""Names of routes that are counted; a router that makes up ever new ones fills no memory."""


@dataclass(slots=True)
class Counts:
    """Counters since the dispatcher began; read them, do not write them.

    Attributes:
        queries: taken.
        answers: ended with a text, a question for the user among them.
        failures: ended with an error, by the error's name.
        rejections: specialists that said a query is not their own, by route; of more than 10,000
            routes, the others' under "".
        reroutes: times that the router was asked where else a query goes.
        fallbacks: times that a fallback route's specialist was asked.
        speculations: head starts, by whether they were of use.
        warm_ups: calls of one token that kept a model warm.
        retries: calls made again to the same model.
        reports_sent: outcomes that the router has heard.
        reports_dropped: outcomes that it will not hear.
        shadows: shadow runs that were begun.
        shadows_dropped: shadow runs that were left out because too many were under way, or at too
            many other routers.
        shadow_records_dropped: ended shadow runs that could not be recorded.
    """

    queries: int = 0
    answers: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    reroutes: int = 0
    fallbacks: int = 0
    speculations: Counter[bool] = field(default_factory=Counter)
    warm_ups: int = 0
    retries: int = 0
    reports_sent: int = 0
    reports_dropped: int = 0
    shadows: int = 0
    shadows_dropped: int = 0
    shadow_records_dropped: int = 0

    def rejected(self, route: str) -> None:
        """Counts a rejection by a route's specialist."""
        is_known = route in self.rejections or len(self.rejections) < ROUTES
        self.rejections[route if is_known and len(route) <= MAX_NAME else ""] += 1
