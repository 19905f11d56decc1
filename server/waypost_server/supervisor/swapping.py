"""All processes take up another bundle together, or none does.

Each loads it aside; only when all are ready, all make it live.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from waypost_server.core.errors import ActivationError
from waypost_server.service.crew_lines import (
    ACTIVATE,
    DISCARD,
    KEPT,
    PREPARE,
    SWAP,
    SWAPPED,
    line_of,
    parts_of,
)

PATIENCE_SECONDS = 120.0
"""For a process to load a bundle; one of a million exemplars takes a tenth of it."""

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """A process that answers queries."""

    @property
    def pid(self) -> int:
        """Its number."""

    def say(self, line: str) -> None:
        """Sends it a line."""

    async def heard(self) -> str | None:
        """Waits for its next line; None when it has ended."""

    def kill(self) -> None:
        """Ends it at once."""


class _Place:
    """A process and its answers."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.answers: asyncio.Queue[tuple[str, str, str] | None] = asyncio.Queue()
        self.gone = False

    async def ask(self, order: str, version: str, patience: float) -> str | None:
        """Why it does not obey; empty if it does, None if it has ended."""
        while not self.answers.empty():  # what it said too late
            self.answers.get_nowait()
        if self.gone:
            return None
        self.listener.say(line_of(order, version))
        try:
            async with asyncio.timeout(patience):
                while answer := await self.answers.get():
                    _, about, why = answer
                    if about == version:
                        return why
        except TimeoutError:
            return f"it has not answered within {patience:g} s"
        return None


class Swapping:
    """Changes the bundle of all processes; for one event loop."""

    def __init__(self, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
        self._places: dict[Listener, _Place] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._starting = 0
        self._none_starts = asyncio.Event()
        self._none_starts.set()
        self.version: str | None = None

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """While a process starts and joins: begins after a change, and a change waits for its end.

        Otherwise it would answer with what was live as it began, until it has caught up.
        """
        async with self._turn:
            self._starting += 1
            self._none_starts.clear()
        try:
            yield
        finally:
            self._starting -= 1
            if not self._starting:
                self._none_starts.set()

    def joins(self, listener: Listener, version: str) -> None:
        """A process answers now, with this version."""
        place = self._places[listener] = _Place(listener)
        self.version = self.version or version
        self._start(self._listen(place))
        if version != self.version:  # which changed while it started, for longer than is waited
            self._start(self._catch_up(place))

    async def change(self, version: str) -> None:
        """Makes a version live in all; raises ActivationError when it has logged why not."""
        await self._change(version, None)

    def refuse(self, why: str) -> None:
        """Lets all know why what is named is not live."""
        _log.error("index %s stays live: %s", self.version, why)
        self._discard(list(self._places.values()), "-", why)

    async def _listen(self, place: _Place) -> None:
        while line := await place.listener.heard():
            word, version, why = parts_of(line)
            if word == SWAP:
                self._start(self._swap_for(place, version))
            else:
                place.answers.put_nowait((word, version, why))
        place.gone = True
        place.answers.put_nowait(None)
        self._places.pop(place.listener, None)

    async def _swap_for(self, place: _Place, version: str) -> None:
        try:
            await self._change(version, place)
        except ActivationError as error:
            place.listener.say(line_of(KEPT, version, str(error)))
        else:
            place.listener.say(line_of(SWAPPED, version))

    async def _change(self, version: str, asker: _Place | None) -> None:
        async with self._turn:
            if asker is None and version == self.version:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_starts.wait(), self._patience)
            prepared = list(self._places.values())
            why = await self._prepare(prepared, version)
            if not why and asker:  # which names it for those that start later
                why = await self._why_not(asker, ACTIVATE, version)
            if why:
                self._discard(list(self._places.values()), version, why)
                _log.error("index %s stays live: %s", self.version, why)
                raise ActivationError(why)
            self.version = version
            others = [place for place in prepared if place is not asker]
            await asyncio.gather(*(self._activate(place, version) for place in others))
            for place in self._places.values():
                if place not in prepared:  # which joined meanwhile
                    self._start(self._catch_up(place))

    async def _prepare(self, places: Sequence[_Place], version: str) -> str:
        said = await asyncio.gather(
            *(place.ask(PREPARE, version, self._patience) for place in places)
        )
        refused = [
            f"process {place.listener.pid}: {why}"
            for place, why in zip(places, said, strict=True)
            if why
        ]
        if not refused and all(why is None for why in said):
            return "no process is left to load it"
        return refused[0] if refused else ""

    async def _why_not(self, place: _Place, order: str, version: str) -> str:
        why = await place.ask(order, version, self._patience)
        return "the process that was asked has ended" if why is None else why

    async def _activate(self, place: _Place, version: str) -> None:
        why = await place.ask(ACTIVATE, version, self._patience)
        if why:  # it would go on with another version than the others
            _log.error("process %d is started again: %s", place.listener.pid, why)
            place.listener.kill()

    async def _catch_up(self, place: _Place) -> None:
        async with self._turn:
            version = self.version or ""
            why = await place.ask(PREPARE, version, self._patience)
            if why == "":
                await self._activate(place, version)
            elif why:
                _log.error("process %d is started again: %s", place.listener.pid, why)
                place.listener.kill()

    def _discard(self, places: list[_Place], version: str, why: str) -> None:
        for place in places:
            place.listener.say(line_of(DISCARD, version, why))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
