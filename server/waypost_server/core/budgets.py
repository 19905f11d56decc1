"""What tenants have spent in this period, and what is set apart for answers under way.

A decision reserves what its answer may cost; the report of what it did cost takes the reservation's
place. Where processes share the budgets, each may use up to a ceiling that all agreed on, so that a
decision waits for nobody and together they use no more than there is.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from waypost_server.core.model_policy import Budget
from waypost_server.core.shared_budgets import Cost, Grant, Share

EXPIRES_SECONDS = 600.0
"""How long a decision waits for its report: ten times what the dispatcher allows an answer."""

REMEMBERED = 100_000
"""Decisions whose reports are expected, the last ones: some 30 MB."""

STRAYS = 10_000
"""Costs that wait for other processes to hear of them, the last ones."""

ASK_SECONDS = 0.25
"""Between two times that a tenant's queries ask the others for more: each is a transaction."""

PROVISIONAL = 0.1
"""Share of a budget that a process may use before the others were asked in this period."""


@dataclass(slots=True)
class _Account:
    budget: Budget
    period: int
    ends: int
    ceiling: float
    spent: float = 0.0
    reserved: float = 0.0
    elsewhere: float = 0.0
    wanted: float = 0.0
    room: float = 0.0
    asked_at: float = 0.0

    @property
    def used(self) -> float:
        return self.spent + self.reserved


@dataclass(slots=True)
class _Reservation:
    tenant: str
    period: int
    usd: float
    until: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant's budget stands, as far as this process knows; in US dollars.

    Attributes:
        budget: what there is in a period.
        left: of this period's, neither spent nor reserved by anyone.
    """

    budget: Budget
    left: float


class Budgets:
    """The accounts of one process; thread-safe."""

    def __init__(self, clock: Callable[[], float], *, is_shared: bool = False) -> None:
        """Nothing is spent yet.

        Args:
            clock: seconds since 1970.
            is_shared: whether other processes use the same budgets.
        """
        self._clock = clock
        self._is_shared = is_shared
        self._is_alone = not is_shared
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._known: OrderedDict[str, _Reservation] = OrderedDict()
        self._expiring: deque[tuple[float, str]] = deque()
        self._strays: deque[Cost] = deque(maxlen=STRAYS)

    def open(self, budgets: Mapping[str, Budget]) -> None:
        """Keeps these tenants' accounts and no others; what was spent of one that stays, stays."""
        with self._lock:
            self._accounts = {
                tenant: self._account(tenant, budget) for tenant, budget in budgets.items()
            }

    def left(self, tenant: str, budget: Budget) -> float:
        """US dollars that this process may still spend for a tenant."""
        with self._lock:
            account = self._account(tenant, budget)
            return max(0.0, self._ceiling(account) - account.used)

    def reserve(self, decision_id: str, tenant: str, usd: float) -> bool:
        """Sets apart what an answer may cost, for a tenant whose `left` was asked for.

        Returns:
            Whether the process should agree with the others again soon, as it has used half of what
            they left it; says so once.
        """
        with self._lock:
            account = self._current(tenant)
            until = self._clock() + EXPIRES_SECONDS
            self._known[decision_id] = _Reservation(tenant, account.period, usd, until)
            self._expiring.append((until, decision_id))
            account.reserved += usd
            if len(self._known) > REMEMBERED:
                self._release(self._known.popitem(last=False)[1])
            return self._is_low(account)

    def lacked(self, tenant: str, usd: float) -> bool:
        """Says that an answer for so much was not to be had.

        Returns:
            Whether the others may have left so much that to agree with them soon is worth while.
        """
        with self._lock:
            account, now = self._current(tenant), self._clock()
            account.wanted = max(account.wanted, usd)
            is_there = account.budget.usd - account.elsewhere - account.used >= usd
            asks = self._is_shared and is_there and not 0 <= now - account.asked_at < ASK_SECONDS
            if asks:
                account.asked_at = now
            return asks

    def settle(self, cost: Cost, *, is_stray: bool = False) -> bool:
        """Puts what an answer cost in place of what was reserved for it.

        Args:
            cost: the cost.
            is_stray: whether another process heard of it; one that nobody here knows is kept for
                those otherwise.

        Returns:
            As `reserve`.
        """
        with self._lock:
            known = self._known.pop(cost.decision_id, None)
            if known is None:
                if self._is_shared and self._accounts and not is_stray:
                    self._strays.append(cost)
                return False
            self._release(known)
            account = self._accounts.get(known.tenant)
            if account is None or account.period != known.period:
                return False
            account.spent += known.usd if cost.usd is None else cost.usd
            return self._is_low(account)

    def strays(self) -> Sequence[Cost]:
        """Costs of answers that others decided about, each once."""
        with self._lock:
            found = [*self._strays]
            self._strays.clear()
            return found

    def standing(self) -> Mapping[str, Standing]:
        """How each tenant's budget stands."""
        with self._lock:
            accounts = {tenant: self._current(tenant) for tenant in self._accounts}
            return {
                tenant: Standing(a.budget, max(0.0, a.budget.usd - a.elsewhere - a.used))
                for tenant, a in accounts.items()
            }

    def shares(self) -> Sequence[Share]:
        """What the others must know."""
        with self._lock:
            accounts = [(tenant, self._current(tenant)) for tenant in self._accounts]
            return [
                Share(
                    tenant=tenant,
                    period=a.period,
                    limit=a.budget.usd,
                    spent=a.spent,
                    reserved=a.reserved,
                    wanted=a.wanted,
                )
                for tenant, a in accounts
            ]

    def take(self, grants: Mapping[str, Grant]) -> None:
        """Takes what the processes agreed on, by tenant."""
        with self._lock:
            self._is_alone = False
            for tenant, grant in grants.items():
                account = self._accounts.get(tenant)
                if account and account.period == grant.period:
                    account.ceiling, account.elsewhere = grant.ceiling, grant.elsewhere
                    account.wanted, account.room = 0.0, grant.ceiling - account.used

    def go_alone(self) -> None:
        """Counts without the others, from what is known of them, until they are heard again."""
        with self._lock:
            self._is_alone = True

    def _is_low(self, account: _Account) -> bool:
        is_low = self._is_shared and account.ceiling - account.used < account.room / 2
        if is_low:
            account.room = -inf  # said once
        return is_low

    def _ceiling(self, account: _Account) -> float:
        if self._is_alone:
            return account.budget.usd - account.elsewhere
        return min(account.ceiling, account.budget.usd)

    def _account(self, tenant: str, budget: Budget) -> _Account:
        """The tenant's account in this period, made if there is none."""
        account = self._accounts.get(tenant)
        if account is None or account.budget.per is not budget.per:
            self._accounts[tenant] = self._new(budget)
        elif account.budget != budget:
            account.budget = budget
        return self._current(tenant)

    def _new(self, budget: Budget) -> _Account:
        room, start = PROVISIONAL * budget.usd, budget.per.start(self._clock())
        return _Account(budget, start, budget.per.end(start), ceiling=room, room=room)

    def _current(self, tenant: str) -> _Account:
        """The tenant's account, in this period, without what nobody waits for any more."""
        now = self._clock()
        while self._expiring and self._expiring[0][0] <= now:
            known = self._known.get(self._expiring.popleft()[1])
            if known:
                self._release(known)  # and is known on: its report may come yet
        account = self._accounts[tenant]
        # A clock that goes back does not bring back what was spent.
        if now >= account.ends:
            account = self._accounts[tenant] = self._new(account.budget)
        return account

    def _release(self, known: _Reservation) -> None:
        account = self._accounts.get(known.tenant)
        if account and account.period == known.period and known.until > 0:
            account.reserved = max(0.0, account.reserved - known.usd)
        known.until = 0.0
