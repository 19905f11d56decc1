"""How processes share tenants' budgets; an adapter keeps it.

Each process has a ceiling of what it may spend and reserve in a period. The ceilings of all that
live, and what those spent that are gone, never exceed the budget. Whoever exchanges gets half of
what is free, so that of n processes each comes to hold an equal share of it, and one that died or
needs less gives it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

SILENT_SECONDS = 30.0
"""Silence after which nobody keeps a process's share for it: six exchanges were missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a process has used of a tenant's budget, in US dollars.

    Attributes:
        tenant: whose.
        period: when the period began, in seconds since 1970.
        limit: what there is in a period.
        spent: by answers that were reported.
        reserved: for answers that were not.
        wanted: cost of an answer that was not to be had.
    """

    tenant: str
    period: int
    limit: float
    spent: float
    reserved: float
    wanted: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a process may use of a tenant's budget in a period, and what the others have used."""

    period: int
    ceiling: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a decision's answer cost, in US dollars; None for as much as was reserved."""

    decision_id: str
    usd: float | None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a process learns.

    Attributes:
        grants: by tenant.
        costs: of answers that were reported to processes that do not know their decisions.
        last: the number of the last of these.
    """

    grants: Mapping[str, Grant] = field(default_factory=dict)
    costs: Sequence[Cost] = ()
    last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a tenant's budget stands for all, in US dollars; `period` as in Share."""

    tenant: str
    period: int
    limit: float
    spent: float
    reserved: float


def ceiling_of(share: Share, *, held: float, leaves: bool = False) -> float:
    """What a process may use.

    Args:
        share: what it has used.
        held: what the others have used or may use.
        leaves: whether it ends now.
    """
    used = share.spent + share.reserved
    free = max(0.0, share.limit - held - used)
    return used if leaves else used + min(free, max(free / 2, share.wanted))


class SharedBudgets(Protocol):
    """Kept where all processes reach it; every call may take a while, for one thread at a time.

    Raises SharedStateError when it cannot be reached.
    """

    def exchange(
        self,
        process_id: str,
        shares: Sequence[Share],
        costs: Sequence[Cost],
        *,
        since: int,
        leaves: bool = False,
    ) -> Exchanged:
        """Tells what a process has used, and learns what it may use.

        All of it happens, or nothing; what processes tell at the same time is taken one after the
        other.

        Args:
            process_id: whose.
            shares: of all its tenants with a budget.
            costs: of answers whose decisions it does not know.
            since: the number of the last cost that it has heard of; -1 for none.
            leaves: whether it ends now.
        """

    def lines(self) -> Sequence[Line]:
        """How all budgets stand, by tenant; each in the newest period in which it was used."""

    def close(self) -> None:
        """Lets go of it."""
