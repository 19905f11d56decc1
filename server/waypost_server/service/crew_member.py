"""One process of several: takes up a version when all others do."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from waypost_server.core.errors import ActivationError, WaypostError
from waypost_server.service.crew_lines import (
    ACTIVATE,
    ACTIVE,
    DISCARD,
    KEPT,
    PREPARE,
    READY,
    REFUSED,
    SWAP,
    SWAPPED,
    line_of,
    parts_of,
)
from waypost_server.service.swap import Swap, to_the_end


class Link(Protocol):
    """To the supervisor and back, a line at a time."""

    def listen(self, hear: Callable[[str], None]) -> None:
        """Has `hear` called on this event loop with each line from the supervisor."""

    def say(self, line: str) -> None:
        """Sends a line."""


class CrewMember:
    """Obeys the supervisor, and asks it for changes; implements `swap.Changer`."""

    def __init__(self, swap: Swap, link: Link) -> None:
        self._swap = swap
        self._link = link
        self._orders: asyncio.Queue[str] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._asked = ""
        self._name: Callable[[], None] | None = None
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        link.listen(self._orders.put_nowait)

    async def run(self) -> None:
        """Obeys until it is cancelled."""
        while True:
            order, version, why = parts_of(await self._orders.get())
            if order in (PREPARE, ACTIVATE):
                await self._obey(order, version)
            elif order == DISCARD:
                self._swap.refuse(why)
            elif order in (SWAPPED, KEPT) and version == self._asked:
                self._ended.set_result(why)
                self._asked = ""

    async def change(self, version: str, name: Callable[[], None] | None = None) -> None:
        """As Changer says."""
        await to_the_end(self._change(version, name))

    async def _change(self, version: str, name: Callable[[], None] | None) -> None:
        async with self._turn:
            self._ended = asyncio.get_running_loop().create_future()
            self._asked, self._name = version, name
            self._link.say(line_of(SWAP, version))
            why = await self._ended
            self._name = None
        if why:
            raise ActivationError(why)

    async def _obey(self, order: str, version: str) -> None:
        try:
            if order == PREPARE:
                await self._swap.prepare(version)
            else:
                if self._name and version == self._asked:
                    await asyncio.to_thread(self._name)
                self._swap.activate(version)
        except WaypostError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  (a bug of ours must not end obedience)
            why = f"a bug of ours: {type(error).__name__}"
        else:
            why = ""
        done = READY if order == PREPARE else ACTIVE
        self._link.say(line_of(REFUSED if why else done, version, why))
