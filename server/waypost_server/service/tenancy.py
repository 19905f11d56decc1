"""Whose a query is, and how many more of theirs there may be."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from waypost_server.core.errors import ForbiddenError
from waypost_server.core.query import Query
from waypost_server.core.rates import Rates
from waypost_server.service.caller import Caller, current_caller


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each tenant may ask.

    Attributes:
        rate: queries a second; 0 for any number.
        burst: queries at once; 0 for those of a second, and at least one.
    """

    rate: float = 0.0
    burst: float = 0.0

    def at(self, rate: float) -> float:
        """Queries at once of somebody with a rate of its own."""
        return max(1.0, self.burst or rate)


class Tenancy:
    """Lets queries in, each for the tenant that its caller may speak for."""

    def __init__(self, clock: Callable[[], float], allowance: Allowance | None = None) -> None:
        """Counts by `clock`, in seconds."""
        self._rates = Rates(clock)
        self.allowance = allowance or Allowance()

    def admit(self, query: Query) -> Query:
        """The query with its tenant.

        Raises:
            ForbiddenError: it names a tenant that is not its caller's.
            RateLimitedError: there were too many of them.
        """
        caller = current_caller()
        if caller.tenant is not None and query.tenant != caller.tenant:
            if query.tenant:
                raise ForbiddenError(
                    f"the token {caller.name!r} may not speak for the tenant {query.tenant[:128]!r}"
                )
            query = replace(query, tenant=caller.tenant)
        self._count(caller, query.tenant)
        return query

    def admit_report(self) -> None:
        """Lets a report in; as many may come as queries. Raises RateLimitedError."""
        caller = current_caller()
        self._count(caller, caller.tenant or "", what="reports of ")

    def _count(self, caller: Caller, tenant: str, *, what: str = "") -> None:
        if caller.rate is not None:
            whose, rate = f"{what}the token {caller.name!r}", caller.rate
        else:
            # Cut, so that what is remembered is bounded; what is longer is refused later on.
            whose, rate = f"{what}the tenant {tenant[:128]!r}", self.allowance.rate
        if rate:
            self._rates.take(whose, rate=rate, burst=self.allowance.at(rate))
