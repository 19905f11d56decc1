"""What to do about what the guard finds: data of the routes folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.model_policy import DEFAULT_TENANT

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class OnFailure(StrEnum):
    """What becomes of a query that the guard could not look at."""

    CLOSED = "closed"
    OPEN = "open"


class Classifier(StrEnum):
    """Whether the linear heads take part, which are trained for one encoder each."""

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """From which severity on something is done; None for never.

    Attributes:
        flag: say so in the contract.
        redact: keep it out of logs.
        local: let only models with the tag `local` see the query.
        send: let the restricted route have the query.
        refuse: let nobody have it.
    """

    flag: Severity | None = Severity.LOW
    redact: Severity | None = None
    local: Severity | None = None
    send: Severity | None = None
    refuse: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteActions:
    """From which severity on something is done about queries that go to a route; None for never.

    Attributes:
        flag: say so in the contract.
        redact: keep it out of logs.
        local: let only models with the tag `local` see the query.
        send: keep it from the route's specialist; the restricted route has the query.
        refuse: keep it from the route's specialist; nobody has the query.
    """

    flag: Severity | None = None
    redact: Severity | None = None
    local: Severity | None = None
    send: Severity | None = None
    refuse: Severity | None = None


KindActions = Mapping[FlagKind, Actions]
"""Kinds that it does not have are not looked for."""

RouteGuard = Mapping[FlagKind, RouteActions]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """`guard` of taxonomy.yaml.

    Attributes:
        actions: by kind of finding.
        tenants: by tenant, what differs from that.
        on_failure: what becomes of a query that the guard could not look at.
        classifier: whether the heads take part.
        restricted_route: where `send` sends.
    """

    actions: KindActions = field(default_factory=lambda: MappingProxyType({}))
    tenants: Mapping[str, KindActions] = field(default_factory=lambda: MappingProxyType({}))
    on_failure: OnFailure = OnFailure.CLOSED
    classifier: Classifier = Classifier.AUTO
    restricted_route: str = ""

    def of_tenant(self, tenant: str) -> KindActions:
        """What holds for a tenant; one without a section has that of `default`, if there is one."""
        own = self.tenants.get(tenant) or self.tenants.get(DEFAULT_TENANT)
        return {**self.actions, **own} if own else self.actions


def reaches(severity: Severity, bar: Severity | None) -> bool:
    """Whether something is to be done about a finding of this severity."""
    return bar is not None and _RANKS[severity] >= _RANKS[bar]
