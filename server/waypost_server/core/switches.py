"""Kill switches: routes and models that an operator took out of service."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import (
    SwitchRefusedError,
    UnknownModelError,
    UnknownRouteError,
)

NONE: frozenset[str] = frozenset()

LONGEST_NAME = 128
"""Characters of a wrong name that are looked at."""


class Kind(StrEnum):
    """What can be switched."""

    ROUTE = "route"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Target:
    """A route or a model, by name; the bundle may have it or not."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Switch:
    """Who switched something off, why, and when, in seconds since 1970."""

    who: str
    note: str
    at: float


@dataclass(frozen=True, slots=True)
class Switches:
    """What is switched off.

    Attributes:
        revision: grows with every change; 0 before the first.
        off: each target that is off.
    """

    revision: int = 0
    off: Mapping[Target, Switch] = field(default_factory=lambda: MappingProxyType({}))

    def names(self, kind: Kind) -> frozenset[str]:
        """The names of all of a kind."""
        return frozenset(target.name for target in self.off if target.kind is kind)


@dataclass(frozen=True, slots=True)
class Off:
    """What a decision must leave out, of one version of the routes."""

    routes: frozenset[str] = NONE
    models: frozenset[str] = NONE


NOTHING_OFF = Off()


def off_in(switches: Switches, catalog: Catalog) -> Off:
    """What is off for the decisions of one version of the routes.

    Its default route never is, though it may have been switched off while another was the default:
    queries have to go somewhere.
    """
    routes = switches.names(Kind.ROUTE) - {catalog.taxonomy.default_route}
    models = switches.names(Kind.MODEL)
    return Off(routes, models) if routes or models else NOTHING_OFF


def check_switch(target: Target, switches: Switches, catalog: Catalog, *, enabled: bool) -> None:
    """Checks a wish to switch something on or off.

    What is off can be switched on though the bundle has it no more.

    Raises:
        UnknownRouteError: there is no such route.
        UnknownModelError: there is no such model.
        SwitchRefusedError: it is the default route, or fleet.yaml says otherwise.
    """
    if target.kind is Kind.ROUTE:
        _check_route(target, switches, catalog, enabled=enabled)
    else:
        _check_model(target, switches, catalog, enabled=enabled)


def is_enabled(target: Target, switches: Switches, catalog: Catalog) -> bool:
    """Whether decisions may use something, for all that switches and fleet.yaml say."""
    model = catalog.models.get(target.name) if target.kind is Kind.MODEL else None
    return target not in switches.off and (model is None or model.enabled)


def _check_route(target: Target, switches: Switches, catalog: Catalog, *, enabled: bool) -> None:
    if target.name not in catalog.routes and target not in switches.off:
        raise UnknownRouteError(_unknown(target, catalog.routes))
    if target.name == catalog.taxonomy.default_route and not enabled:
        raise SwitchRefusedError(
            f"{target.name} is the default route, where queries go that nothing else is right for: "
            "it cannot be switched off; name another default_route in taxonomy.yaml and build, or "
            "switch its models off"
        )


def _check_model(target: Target, switches: Switches, catalog: Catalog, *, enabled: bool) -> None:
    model = catalog.models.get(target.name)
    if model is None and target not in switches.off:
        raise UnknownModelError(_unknown(target, catalog.models))
    if enabled and model and not model.enabled:
        raise SwitchRefusedError(
            f"model {target.name} is switched off in fleet.yaml, and no switch is stronger "
            "than the file; write `enabled: true` there and build"
        )


def _unknown(target: Target, names: Collection[str]) -> str:
    close = difflib.get_close_matches(target.name[:LONGEST_NAME], names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
    return f"no {target.kind} is called {target.name[:LONGEST_NAME]!r}; {hint}"
