"""Which models a query may go to: what the routes folder says of tenants and sensitive queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

DEFAULT_TENANT = "default"
"""Whose section holds for tenants that have none, and for queries without a tenant."""


class Prefer(StrEnum):
    """Which of the models that may be called is called first."""

    LISTED = "listed"
    CHEAPEST = "cheapest"
    BEST = "best"


class Period(StrEnum):
    """How long a budget lasts; it begins anew with the hour, day or month in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def start(self, at: float) -> int:
        """When the period began that holds a moment; both in seconds since 1970."""
        moment = datetime.fromtimestamp(at, UTC).replace(minute=0, second=0, microsecond=0)
        if self is not Period.HOUR:
            moment = moment.replace(hour=0)
        if self is Period.MONTH:
            moment = moment.replace(day=1)
        return int(moment.timestamp())

    def end(self, start: int) -> int:
        """When the next one begins after one that began then."""
        longer = {Period.HOUR: 3_600, Period.DAY: 86_400, Period.MONTH: 31 * 86_400}
        return self.start(start + longer[self])


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tenant may spend on models in a period.

    Attributes:
        usd: US dollars; 0 for no paid model at all.
        per: the period.
    """

    usd: float
    per: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPolicy:
    """What holds for a tenant's queries.

    Attributes:
        models: those that are approved; None for all.
        requires: tags that a model must have, sorted.
        budget: None for no limit.
        prefer: None for what the route says.
    """

    models: tuple[str, ...] | None = None
    requires: tuple[str, ...] = ()
    budget: Budget | None = None
    prefer: Prefer | None = None


FREE_FOR_ALL = TenantPolicy()
"""Of tenants of whom nothing is said."""


def policy_of(tenant: str, tenants: Mapping[str, TenantPolicy]) -> tuple[str, TenantPolicy]:
    """The section that holds for a tenant, and its name; all without one share the default."""
    if tenant not in tenants:
        tenant = DEFAULT_TENANT
    return tenant, tenants.get(tenant, FREE_FOR_ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What a query's metadata says of how sensitive it is.

    Attributes:
        metadata: the key.
        levels: tags that a model must have, sorted, by the value in small letters.
        unknown: tags for any other value.
        unsaid: tags for queries without the key.
    """

    metadata: str
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()

    def tags_for(self, metadata: Mapping[str, str]) -> tuple[str, ...]:
        """Tags that a query with this metadata requires."""
        said = metadata.get(self.metadata)
        if said is None:
            return self.unsaid
        return self.levels.get(said.strip().casefold(), self.unknown)
