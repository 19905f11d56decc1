"""Another version in this process, loaded aside and then live at once."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from waypost_server.core.errors import ActivationError, WaypostError
from waypost_server.service.engine import Engine
from waypost_server.service.smoke import check_decides
from waypost_server.service.version import Live, Served

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Swap:
    """Makes versions live; for one event loop.

    Attributes:
        reloads: versions that went live since the start.
        refused: why the last one that was named is not live; empty if it is.
    """

    def __init__(
        self,
        live: Live,
        load: Callable[[str, Engine], Engine],
    ) -> None:
        """Loads nothing yet.

        Args:
            live: where a new version goes.
            load: loads and verifies a version, called in another thread; takes the live engine,
                whose encoders may serve on; may raise WaypostError.
        """
        self._live = live
        self._load = load
        self._prepared: Served | None = None
        self.reloads = 0
        self.refused = ""

    @property
    def engine(self) -> Engine:
        """What decides now."""
        return self._live.served.engine

    @property
    def index_version(self) -> str:
        """The live version."""
        return self.engine.index_version

    async def prepare(self, version: str) -> None:
        """Loads a version aside and tries it; raises WaypostError."""
        before = self._live.served.engine
        self._prepared = None
        if version == before.index_version:
            return
        try:
            self._prepared = await asyncio.to_thread(self._prepare, version, before)
        except WaypostError:
            raise
        except Exception as error:
            _log.exception("index %s cannot be loaded", version)
            raise ActivationError(f"a bug of ours: {type(error).__name__}") from error

    def _prepare(self, version: str, before: Engine) -> Served:
        engine = self._load(version, before)
        check_decides(engine)
        return Served.of(engine)

    def activate(self, version: str) -> None:
        """Makes live what was prepared; raises ActivationError if that is another version."""
        before, prepared = self.index_version, self._prepared
        if version == before:
            self.refused = ""
            return
        if prepared is None or prepared.engine.index_version != version:
            raise ActivationError(f"index {version} has not been loaded")
        self._prepared, self.refused = None, ""
        self._live.replace(prepared)
        self.reloads += 1
        _log.info("index %s is live; before it was %s", version, before)

    def refuse(self, why: str) -> None:
        """Lets go of what was prepared: what is live stays live, and somebody has logged why."""
        self._prepared = None
        self.note_refused(why)

    def note_refused(self, why: str) -> None:
        """Somebody has refused a version before it was named here, and has logged why."""
        self.refused = why

    def overcome(self, why: str) -> None:
        """Forgets why the last one that was named is not live, if this is why."""
        if self.refused == why:
            self.refused = ""

    def refuse_aloud(self, why: str) -> None:
        """Likewise, and logs it."""
        self.refuse(why)
        _log.error("index %s stays live: %s", self.index_version, why)


class Changer(Protocol):
    """Makes a version live wherever this server answers, or logs why it does not."""

    async def change(self, version: str, name: Callable[[], None] | None = None) -> None:
        """Makes a version live, or leaves all as it is.

        Once it has begun it ends, though its caller is cancelled.

        Args:
            version: which.
            name: names it as the live one for whoever starts later, called in another thread once
                it is sure to work; may raise WaypostError, which leaves all as it is.

        Raises:
            WaypostError: it cannot be made live.
        """


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Awaits work that goes on, and whose error is no news, once the caller is cancelled."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)


class Alone:
    """The one process of a server; implements Changer."""

    def __init__(self, swap: Swap) -> None:
        self._swap = swap
        self._turn = asyncio.Lock()

    async def change(self, version: str, name: Callable[[], None] | None = None) -> None:
        """As Changer says."""
        await to_the_end(self._change(version, name))

    async def _change(self, version: str, name: Callable[[], None] | None) -> None:
        async with self._turn:
            try:
                await self._swap.prepare(version)
                if name:
                    await asyncio.to_thread(name)
                self._swap.activate(version)
            except WaypostError as error:
                self._swap.refuse_aloud(str(error))
                raise
