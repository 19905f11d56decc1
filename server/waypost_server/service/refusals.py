"""Which queries were refused, why and whose: counted, and told to the log while it lasts."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from waypost_server.core.errors import LaterError, OverloadedError

TELL_SECONDS = 10.0
"""Between two lines: a flood has a line for each, and a burst one."""

NAMED = 3
"""Tenants that a line names, those that were refused most."""

MOST_TENANTS = 1_000
"""Tenants that are told apart until the next line; names can be made up."""

MAX_NAME = 64
"""Characters of a tenant's name in a line."""

_log = logging.getLogger(__name__)


class Cause(StrEnum):
    """Why a query is refused that is welcome again later."""

    OVERLOAD = "overload"
    RATE = "rate"


class Refusals:
    """For one event loop.

    Attributes:
        counts: queries refused so far, by cause.
    """

    def __init__(
        self, *, later: Callable[[float, Callable[[], None]], object] | None = None
    ) -> None:
        """Has heard of none; `later` calls something after so many seconds, by default the loop."""
        self._counts = Counter(dict.fromkeys(Cause, 0))
        self._lately: Counter[tuple[Cause, str]] = Counter()
        self._later = later or _on_loop

    @property
    def counts(self) -> Mapping[Cause, int]:
        """Queries refused so far, by cause."""
        return self._counts

    @property
    def total(self) -> int:
        """Queries refused so far."""
        return self._counts.total()

    def add(self, error: LaterError, tenant: str) -> None:
        """Hears of one.

        Args:
            error: what its caller is told.
            tenant: whose it is.
        """
        cause = Cause.OVERLOAD if isinstance(error, OverloadedError) else Cause.RATE
        self._counts[cause] += 1
        if not self._lately:
            self._later(TELL_SECONDS, self.tell)
        key = cause, tenant[:MAX_NAME]
        if len(self._lately) >= MOST_TENANTS and key not in self._lately:
            key = cause, ""
        self._lately[key] += 1

    def tell(self) -> None:
        """Writes a line of those that no line has told of; none if there are none."""
        lately, self._lately = self._lately, Counter()
        if not lately:
            return
        causes = [cause for cause in Cause if any(key[0] is cause for key in lately)]
        fields = {"refused": lately.total()}
        said = "; ".join(_said(cause, lately) for cause in causes)
        _log.warning("queries were refused: %s", said, extra={"fields": fields})


def _said(cause: Cause, lately: Counter[tuple[Cause, str]]) -> str:
    tenants = Counter({tenant: count for (why, tenant), count in lately.items() if why is cause})
    named = ", ".join(f"{tenant!r} {count}" for tenant, count in tenants.most_common(NAMED))
    more = ", ..." if len(tenants) > NAMED else ""
    why = "overload" if cause is Cause.OVERLOAD else "more than a tenant or a token may ask"
    return f"{tenants.total()} for {why} (by tenant: {named}{more})"


def _on_loop(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)
