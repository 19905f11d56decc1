"""Brings here what is made live elsewhere, beside the serving."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from waypost_server.core.errors import WaypostError

SILENT_SECONDS = 60.0
"""An answer that takes longer is told."""

LONGEST_PERIODS = 30
"""Of waiting after failures: five minutes, where it is asked every ten seconds."""

_log = logging.getLogger(__name__)


Answer = asyncio.Future[str | None]


def in_a_thread(ask: Callable[[], str | None]) -> Answer:
    """Asks in a thread that nobody waits for at the end, as one waits for a pool's threads."""
    loop = asyncio.get_running_loop()
    answer: Answer = loop.create_future()

    def tell(result: str | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def run() -> None:
        result, failure = None, None
        try:
            result = ask()
        except Exception as error:  # noqa: BLE001  (raised where the answer is awaited)
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=run, name="waypost-follow", daemon=True).start()
    return answer


class Follow:
    """Asks again and again, and says once what goes wrong, and once that it is well again."""

    def __init__(
        self,
        fetch: Callable[[], str | None],
        *,
        where: str,
        silent_seconds: float = SILENT_SECONDS,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        """Asks nothing yet.

        Args:
            fetch: brings here what is live elsewhere; the version, None when there is nothing new.
                May raise WaypostError, and may take for ever: it runs in a thread of its own, which
                keeps nobody from leaving.
            where: the place, for the log.
            silent_seconds: how long it may take without a word.
            looked: called on the event loop after each answer.
        """
        self._fetch = fetch
        self._where = where
        self._silent_seconds = silent_seconds
        self._looked = looked
        self._said = ""
        self._failures = 0

    async def run(self, period_seconds: float) -> None:
        """Asks every so many seconds, less often after failures, until it is cancelled."""
        while True:
            periods = min(2**self._failures, LONGEST_PERIODS) if self._failures else 1
            await asyncio.sleep(period_seconds * periods)
            await self.look()

    async def look(self) -> None:
        """Asks once; waits for the answer however long it takes."""
        answer = in_a_thread(self._fetch)
        done, _ = await asyncio.wait({answer}, timeout=self._silent_seconds)
        if not done:
            self._say(f"no answer from {self._where} for {self._silent_seconds:g} s")
        try:
            version = await answer
        except WaypostError as error:
            self._failed(str(error))
        except Exception:  # noqa: BLE001  (a bug of ours must not end it)
            self._failed(f"a bug of ours, on the way from {self._where}", exc_info=True)
        else:
            if self._said:
                _log.info("%s answers again", self._where)
            self._said, self._failures = "", 0
            if version:
                _log.info("bundle %s is fetched from %s", version, self._where)
        self._looked()

    def _failed(self, why: str, *, exc_info: bool = False) -> None:
        self._failures += 1
        self._say(why, exc_info=exc_info)

    def _say(self, why: str, *, exc_info: bool = False) -> None:
        if why != self._said:
            self._said = why
            _log.error("what is live stays: %s", why, exc_info=exc_info)
