"""What a dispatcher has done so far."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Counters since the dispatcher began; read them, do not write them.

    Attributes:
        queries: taken.
        answers: ended with a text, a question for the user among them.
        failures: ended with an error, by the error's name.
        rejections: specialists that said a query is not their own, by route.
        reroutes: times that the router was asked where else a query goes.
        fallbacks: times that a fallback route's specialist was asked.
        speculations: head starts, by whether they were of use.
        warm_ups: calls of one token that kept a model warm.
        retries: calls made again to the same model.
        reports_sent: outcomes that the router has heard.
        reports_dropped: outcomes that it will not hear.
        shadows: shadow runs that were begun.
        shadows_dropped: shadow runs that were left out because too many were under way.
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
