"""What the YAML files of a routes folder may say of the guard, and that as core's types."""

from typing import Literal

from pydantic import Field

from waypost_server.adapters.section import Section
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.guard_policy import (
    Actions,
    Classifier,
    GuardPolicy,
    KindActions,
    OnFailure,
    RouteActions,
    RouteGuard,
)

Bar = Literal["low", "medium", "high", "never"]
"""The least severity of a finding that something is done about."""


class ActionsSection(Section):
    """What to do about a kind of finding."""

    flag: Bar = "low"
    redact: Bar = "never"
    local: Bar = "never"
    send: Bar = "never"
    refuse: Bar = "never"


class KindsSection(Section):
    """What to do about each kind of finding; a kind that is not there is not looked for."""

    prompt_injection: ActionsSection | None = None
    jailbreak: ActionsSection | None = None
    personal_data: ActionsSection | None = None
    secret: ActionsSection | None = None
    route_manipulation: ActionsSection | None = None


class GuardSection(KindsSection):
    """`guard` of taxonomy.yaml."""

    tenants: dict[str, KindsSection] = Field(default_factory=dict)
    on_failure: OnFailure = OnFailure.CLOSED
    classifier: Classifier = Classifier.AUTO
    restricted_route: str = ""


class RouteActionsSection(Section):
    """What is done besides about a kind of finding in queries that go to a route."""

    flag: Bar = "never"
    redact: Bar = "never"
    local: Bar = "never"
    send: Bar = "never"
    refuse: Bar = "never"


class RouteGuardSection(Section):
    """`guard` of route.yaml."""

    prompt_injection: RouteActionsSection | None = None
    jailbreak: RouteActionsSection | None = None
    personal_data: RouteActionsSection | None = None
    secret: RouteActionsSection | None = None
    route_manipulation: RouteActionsSection | None = None


def guard_policy(section: GuardSection | None) -> GuardPolicy | None:
    """The policy that taxonomy.yaml configures, if any."""
    if section is None:
        return None
    return GuardPolicy(
        actions=_kinds(section),
        tenants={name: _kinds(kinds) for name, kinds in sorted(section.tenants.items())},
        on_failure=section.on_failure,
        classifier=section.classifier,
        restricted_route=section.restricted_route,
    )


def route_guard(section: RouteGuardSection) -> RouteGuard:
    """What a route.yaml does about findings."""
    return {
        kind: RouteActions(**{name: _severity(bar) for name, bar in found})
        for kind in FlagKind
        if (found := getattr(section, kind.lower())) is not None
    }


def _kinds(section: KindsSection) -> KindActions:
    return {
        kind: Actions(**{name: _severity(bar) for name, bar in found})
        for kind in FlagKind
        if (found := getattr(section, kind.lower())) is not None
    }


def _severity(bar: Bar) -> Severity | None:
    return None if bar == "never" else Severity(bar.upper())
