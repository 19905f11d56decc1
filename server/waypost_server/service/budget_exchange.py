"""This process's share in tenants' budgets: agrees with the others now and then, in a thread.

While the database cannot be reached, it counts by itself from what it knew last, and says so.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from waypost_server.core.budgets import Budgets
from waypost_server.core.errors import SharedStateError
from waypost_server.core.shared_budgets import Cost, Share, SharedBudgets

SOON_SECONDS = 0.02
"""Between two exchanges at least: so many decisions share one."""

TICK_SECONDS = 1.0
"""Between two looks whether there is something to tell."""

QUIET_SECONDS = 5.0
"""Between two exchanges with nothing to tell: a sign of life."""

STOP_SECONDS = 5.0
"""How long a stop waits for a database that does not answer."""

_log = logging.getLogger(__name__)


class BudgetExchange:
    """For one process.

    Attributes:
        problem: why the database could not be reached last; empty: it could.
    """

    def __init__(
        self,
        budgets: Budgets,
        state: SharedBudgets,
        process_id: str,
        *,
        clock: Callable[[], float],
    ) -> None:
        """Takes part from `start` on; `clock` gives seconds and never goes back."""
        self.problem = ""
        self._budgets = budgets
        self._state = state
        self._process_id = process_id
        self._clock = clock
        self._kept: Sequence[Cost] = ()
        self._since = -1
        self._told: Sequence[Share] = ()
        self._told_at = float("-inf")
        self._soon = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="budgets", daemon=True)

    def start(self) -> None:
        """Agrees with the others once, and then now and then."""
        self.exchange()
        self._thread.start()

    def wake(self) -> None:
        """Lets it agree with the others soon; from any thread, and at once."""
        self._soon.set()

    def stop(self) -> None:
        """Gives back what this process may still use, and ends."""
        self._stopping.set()
        self._soon.set()
        self._thread.join(STOP_SECONDS)
        if not self.problem:
            self.exchange(leaves=True)
        self._state.close()

    def exchange(self, *, leaves: bool = False) -> None:
        """Agrees with the others now; never fails."""
        shares = [share for share in self._budgets.shares() if share.limit > 0]
        costs = [*self._kept, *self._budgets.strays()]
        if not shares and not costs:
            return
        try:
            found = self._state.exchange(
                self._process_id, shares, costs, since=self._since, leaves=leaves
            )
        except SharedStateError as error:
            self._kept = costs
            self._ill(error)
            return
        self._kept, self._since = (), found.last
        self._told, self._told_at = shares, self._clock()
        self._budgets.take(found.grants)
        for cost in found.costs:
            self._budgets.settle(cost, is_stray=True)
        if self.problem:
            _log.info("tenants' budgets are shared again")
        self.problem = ""

    def _run(self) -> None:
        while not self._stopping.is_set():
            is_asked = self._soon.wait(TICK_SECONDS)
            self._soon.clear()
            try:
                if is_asked or self._is_due():
                    self.exchange()
            except Exception:  # noqa: BLE001  (a bug of ours must not end the thread)
                _log.exception("a bug of ours; tenants' budgets are exchanged again")
            # However many ask, one after the other.
            self._stopping.wait(TICK_SECONDS if self.problem else SOON_SECONDS)

    def _is_due(self) -> bool:
        if self._clock() - self._told_at >= QUIET_SECONDS or self._kept:
            return True
        return [*self._budgets.shares()] != [*self._told]

    def _ill(self, error: SharedStateError) -> None:
        self._budgets.go_alone()
        if not self.problem:
            _log.error(
                "tenants' budgets are counted by this process alone, from what was known of the "
                "others: %s",
                error,
            )
        self.problem = str(error)
