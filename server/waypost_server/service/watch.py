"""Takes up a new version while the live one answers."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from waypost_server.core.errors import WaypostError
from waypost_server.service.engine import Engine
from waypost_server.service.version import Live, Served

PERIOD_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """Which version is named as the one to serve.

    Attributes:
        version: its name; empty while none is named.
        stamp: another one whenever it is named anew, be it the same version, mended meanwhile.
    """

    version: str
    stamp: int


class Watch:
    """Looks which version is named, and makes it live in this process."""

    def __init__(
        self, live: Live, *, named: Callable[[], Mark], load: Callable[[str, Engine], Engine]
    ) -> None:
        """Looks at nothing yet.

        Args:
            live: where a new version goes.
            named: which version is named now; may raise WaypostError.
            load: loads and verifies a version, called in another thread; takes the live engine,
                whose encoders may serve on; may raise WaypostError.
        """
        self._live = live
        self._named = named
        self._load = load
        self._seen: Mark | None = None
        self._said = ""

    async def run(self, period_seconds: float = PERIOD_SECONDS) -> None:
        """Looks every so many seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(period_seconds)
            await self.look()

    async def look(self) -> None:
        """Takes up the version that is named, if it is another one and can be loaded.

        One that cannot be leaves the live one as it is, and is not tried again until a version is
        named anew.
        """
        try:
            mark = await asyncio.to_thread(self._named)
            if mark == self._seen:
                return
            self._seen, self._said = mark, ""
            await self._take_up(mark.version)
        except WaypostError as error:
            self._say(str(error))
        except Exception:  # noqa: BLE001  (a bug of ours must not end the watch)
            self._say("a bug of ours", exc_info=True)

    async def _take_up(self, version: str) -> None:
        before = self._live.served.engine
        if version in ("", before.index_version):
            return
        served = await asyncio.to_thread(lambda: Served.of(self._load(version, before)))
        self._live.replace(served)
        _log.info("index %s is live; before it was %s", version, before.index_version)

    def _say(self, why: str, *, exc_info: bool = False) -> None:
        if why != self._said:
            self._said = why
            version = self._live.served.engine.index_version
            _log.error("index %s stays live: %s", version, why, exc_info=exc_info)
