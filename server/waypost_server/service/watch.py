"""Notices that another version is named as the one to serve."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from waypost_server.core.errors import WaypostError

PERIOD_SECONDS = 1.0


class Mark(NamedTuple):
    """Which version is named as the one to serve.

    Attributes:
        version: its name; empty while none is named.
        stamp: another one whenever it is named anew, be it the same version, mended meanwhile.
    """

    version: str
    stamp: int


class Watch:
    """Looks which version is named, and has it made live."""

    def __init__(
        self,
        *,
        named: Callable[[], Mark],
        change: Callable[[str], Awaitable[None]],
        refuse: Callable[[str], None],
    ) -> None:
        """Looks at nothing yet.

        Args:
            named: which version is named now, called in another thread; may raise WaypostError.
            change: makes a version live if it is not; raises WaypostError when it has logged why
                not.
            refuse: hears once why it cannot be told which version is named.
        """
        self._named = named
        self._change = change
        self._refuse = refuse
        self._seen: Mark | None = None
        self._said = ""

    async def run(self, period_seconds: float = PERIOD_SECONDS) -> None:
        """Looks every so many seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(period_seconds)
            await self.look()

    async def look(self) -> None:
        """Has the version taken up that is named, if it is named anew.

        One that cannot be is not tried again until a version is named anew.
        """
        try:
            mark = await asyncio.to_thread(self._named)
        except WaypostError as error:
            self._say(str(error))
            return
        if mark == self._seen:
            return
        self._seen, self._said = mark, ""
        if mark.version:
            with suppress(WaypostError):
                await self._change(mark.version)

    def _say(self, why: str) -> None:
        if why != self._said:
            self._said = why
            self._refuse(why)
