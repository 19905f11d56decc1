"""What clients reported since the server began, in bounded memory."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from waypost_server.core.breakers import Breakers
from waypost_server.core.report import OutcomeReport, SpecialistOutcome

REMEMBERED = 100_000
"""Decisions whose reports are recognised when they are sent again, the last ones: 10 MB."""

MAX_MODELS = 1_000
"""Models that are counted; clients may make names up."""


@dataclass(slots=True)
class ModelCount:
    """Calls of a model that answered, and that did not."""

    succeeded: int = 0
    failed: int = 0


class Outcomes:
    """What became of decisions; not thread-safe.

    Attributes:
        breakers: which models are left out now.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Has heard nothing yet; `clock` gives seconds and never goes back."""
        self.breakers = Breakers(clock)
        self._heard: set[int] = set()
        self._order: deque[int] = deque()
        self._routes: dict[str, Counter[SpecialistOutcome]] = {}
        self._models: dict[str, ModelCount] = {}

    @property
    def routes(self) -> Mapping[str, Mapping[SpecialistOutcome, int]]:
        """How often each route's specialist did what, by route; what is not there is 0."""
        return self._routes

    @property
    def models(self) -> Mapping[str, ModelCount]:
        """How often each model answered, by name."""
        return self._models

    def hear(self, report: OutcomeReport, *, fleet: Collection[str]) -> bool:
        """Takes in a checked report.

        Args:
            report: what a client says.
            fleet: names of the models that contracts may name; only they can be left out.

        Returns:
            Whether the decision's outcome was known already, so that nothing was counted.
        """
        if report.is_afterthought:
            return False  # it may come before the outcome or after it, and repeats neither
        if not self._remember(UUID(report.decision_id).int):
            return True
        # Who accepted may be another route than the one that the decision named.
        accepted = report.outcome is SpecialistOutcome.ACCEPTED
        route = (accepted and report.answered_by) or report.route
        if route and report.outcome:
            self._routes.setdefault(route, Counter())[report.outcome] += 1
        for attempt in report.attempts:
            self._count(attempt.model, succeeded=attempt.succeeded)
            self.breakers.hear(attempt, fleet)
        return False

    def _remember(self, decision: int) -> bool:
        """Whether it is a new one."""
        if decision in self._heard:
            return False
        self._heard.add(decision)
        self._order.append(decision)
        if len(self._order) > REMEMBERED:
            self._heard.remove(self._order.popleft())
        return True

    def _count(self, model: str, *, succeeded: bool) -> None:
        if model not in self._models and len(self._models) >= MAX_MODELS:
            return
        count = self._models.setdefault(model, ModelCount())
        count.succeeded += succeeded
        count.failed += not succeeded
