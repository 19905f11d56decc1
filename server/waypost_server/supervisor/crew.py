"""The server processes together: all answer or none, and one that dies is started again."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from waypost_server.settings import Settings
from waypost_server.supervisor.child import manner_of
from waypost_server.supervisor.common import CommonFolder
from waypost_server.supervisor.delays import Delays
from waypost_server.supervisor.job import Job
from waypost_server.supervisor.swapping import Swapping

GRACE_SECONDS = 10.0
"""Beyond the drain's limit: a process that has not left by then is killed."""

SAID_WHY = 1
"""The exit code of a process that has told on stderr what is wrong."""

_log = logging.getLogger(__name__)


class Member(Protocol):
    """A process; `Child` outside of tests."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def age(self) -> float:
        """Seconds since it began."""

    async def ready(self) -> str | None:
        """Waits until it answers; its index version, or None when it ended before."""

    async def ended(self) -> int:
        """Waits for its end; its exit code, or the negated signal that ended it."""

    def terminate(self) -> None:
        """Lets it finish its calls and leave."""

    def reload(self) -> None:
        """Lets it read its settings again."""

    def say(self, line: str) -> None:
        """Sends it a line."""

    async def heard(self) -> str | None:
        """Waits for its next line, once it is ready; None when it has ended."""

    def kill(self) -> None:
        """Ends it at once."""


Launch = Callable[[Job], Awaitable[Member]]
"""Starts a process; raises OSError when the system has no room for it."""


class Crew:
    """As many processes as the settings say, all of one index version.

    Attributes:
        swapping: changes that version.
    """

    def __init__(
        self,
        settings: Settings,
        launch: Launch,
        *,
        options: Mapping[str, Any],
        common: CommonFolder | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._settings = settings
        self._common = common
        self._options = options
        self._launch = launch
        self._patience = settings.drain_seconds + grace_seconds
        self.swapping = Swapping()
        self._children: set[Member] = set()
        self._ready: set[Member] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._clean = True
        self._reloaded = False

    async def start(self) -> str | None:
        """Starts all of them.

        The first says which version is live, and the others load that one, whatever is built
        meanwhile. It alone complains, too, of what would stop them all.

        Returns:
            The version when all answer; None when one of them ended instead, which stops the
            others, or when `stop` was called.
        """
        version = await self._fill(0)
        others: list[asyncio.Task[str | None]] = []
        if version is not None:
            others = [
                asyncio.create_task(self._fill(place))
                for place in range(1, self._settings.processes)
            ]
            for answers in asyncio.as_completed(others):
                if await answers is None:
                    break
            else:
                return version
        self._clean = self._stopping.is_set()
        self.stop()
        await asyncio.gather(*others)
        return None

    def stop(self) -> None:
        """Lets all of them finish their calls and leave; kills who has not left in time."""
        self._stopping.set()
        for child in self._children:
            child.terminate()
        asyncio.get_running_loop().call_later(self._patience, self._kill)

    def reload(self) -> None:
        """Lets all of them read their settings again, and those that take their places, too."""
        self._reloaded = True
        for child in self._ready:  # one that still starts would end of SIGHUP
            child.reload()

    async def ended(self) -> bool:
        """Waits for the stop and then for all of them; whether nothing went wrong."""
        await self._stopping.wait()
        await asyncio.gather(*self._keepers)
        return self._clean

    def _kill(self) -> None:
        for child in self._children:
            child.kill()

    async def _fill(self, place: int) -> str | None:
        child, version = await self._started(place)
        if child is None:
            return None
        if version is None:
            status = await self._end_of(child, place)
            if status != SAID_WHY and not self._stopping.is_set():
                _log.error("process %d ended with %s as it started", child.pid, manner_of(status))
        else:
            self._keepers.append(asyncio.create_task(self._keep(child, place)))
        return version

    async def _keep(self, child: Member, place: int) -> None:
        delays = Delays()
        lived = await self._until_ended(child, place)
        while not await self._stops_within(delays.after(lived)):
            lived = await self._serve_again(place)

    async def _serve_again(self, place: int) -> float:
        child, version = await self._started(place)
        if child is None:
            return 0.0
        if version:
            _log.info("process %d answers in its place", child.pid)
        return await self._until_ended(child, place)

    async def _started(self, place: int) -> tuple[Member | None, str | None]:
        """A process, if there is room for it, and its version, if it answers."""
        async with self.swapping.starting():
            child = await self._begin(place)
            version = await child.ready() if child else None
            if child and version:
                self._serves(child, version)
            return child, version

    def _serves(self, child: Member, version: str) -> None:
        self._ready.add(child)
        self.swapping.joins(child, version)
        if self._reloaded:
            child.reload()

    async def _begin(self, place: int) -> Member | None:
        job = Job(
            self._settings,
            self.swapping.version,
            self._options,
            place=place,
            common_folder=str(self._common.path) if self._common else "",
        )
        try:
            child = await self._launch(job)
        except OSError as error:
            _log.error("no process can be started: %s", error.strerror)
            return None
        self._children.add(child)
        if self._stopping.is_set():
            child.terminate()
        return child

    async def _until_ended(self, child: Member, place: int) -> float:
        """Waits for the end of one that served; the seconds that it lived."""
        status = await self._end_of(child, place)
        if not self._stopping.is_set():
            _log.warning("process %d ended with %s", child.pid, manner_of(status))
        # SIGTERM by itself ends a process that has not begun to serve.
        elif status not in (0, -signal.SIGTERM):
            _log.error("process %d ended with %s as it stopped", child.pid, manner_of(status))
            self._clean = False
        return child.age

    async def _end_of(self, child: Member, place: int) -> int:
        status = await child.ended()
        self._children.discard(child)
        self._ready.discard(child)
        if self._common:
            self._common.forget(place)
        return status

    async def _stops_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()
