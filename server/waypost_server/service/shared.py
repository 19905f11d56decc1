"""This process's share in what all share: learns of changes, and tells of its own.

A thread of its own talks to the shared state, so that neither the event loop nor a decision ever
waits for it. While the state cannot be reached, all stays as it was last.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from waypost_server.core.breakers import Breakers
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import InvalidQueryError, SharedStateError
from waypost_server.core.fields import MAX_NOTE_BYTES, check_bytes
from waypost_server.core.shared_state import (
    NEVER,
    Act,
    Process,
    Revisions,
    SharedState,
)
from waypost_server.core.switches import (
    NOTHING_OFF,
    Kind,
    Off,
    Switches,
    Target,
    check_switch,
    is_enabled,
    off_in,
)
from waypost_server.service.caller import current_caller
from waypost_server.service.hints import SharedHints
from waypost_server.service.roll import BEAT_SECONDS, SILENT_SECONDS, Roll

HEED_SECONDS = 2.0
"""How long a switch waits for the others to say that they heed it."""

LOOK_SECONDS = 0.01
"""Between two looks at who does."""

RETRY_SECONDS = 1.0
"""Between two tries to reach the shared state."""

STOP_SECONDS = 5.0
"""How long a stop waits for a database that does not answer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a switch.

    Attributes:
        was_enabled: whether decisions could use it before.
        pending: processes that may live and have not said that they heed it.
    """

    was_enabled: bool
    pending: int


class Shared:
    """For one process and one event loop; the properties may be read from anywhere.

    Attributes:
        process: this one.
        problem: why the shared state could not be reached last; empty: it could.
        processes: how many live, as known at the last sign of life.
    """

    def __init__(
        self,
        state: SharedState,
        breakers: Breakers,
        process: Process,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes part from `start` on; `clock` gives seconds and never goes back."""
        self.process = process
        self.problem = ""
        self.processes = 0
        self._state = state
        self._clock = clock
        self._roll = Roll(clock)
        self._switches = Switches()
        self._known = Revisions(NEVER, NEVER)
        self._beat_at = float("-inf")
        self._talking = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shared", daemon=True)
        self._made: tuple[Switches, Catalog | None, Off] = (self._switches, None, NOTHING_OFF)
        self._hints = SharedHints(state, breakers, clock)

    @property
    def switches(self) -> Switches:
        """What is switched off, as this process heeds it."""
        return self._switches

    def off(self, catalog: Catalog) -> Off:
        """What a decision that begins now must leave out; for the event loop."""
        switches, known, off = self._made
        if switches is self._switches and known is catalog:
            return off
        return self._work_out(catalog)

    async def start(self, *, required: bool = True) -> None:
        """Reads what is shared, and takes part from now on.

        Args:
            required: whether it must be read now; otherwise it is taken up once it can be.

        Raises:
            SharedStateError: it cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._catch_up)
        except SharedStateError as error:
            if required:
                await asyncio.to_thread(self._state.close)
                raise SharedStateError(
                    f"{error}; mend it or name another with WAYPOST_DATABASE: without it nobody "
                    "knows what is switched off (WAYPOST_START_WITHOUT_DATABASE=true starts all "
                    "the same, with everything on until it can be read)"
                ) from None
            self._ill(error)
        self._thread.start()

    async def stop(self) -> None:
        """Takes part no more; `start` was called."""
        self._stopping.set()
        self._state.wake()
        await asyncio.to_thread(self._leave)

    async def switch(self, target: Target, catalog: Catalog, *, enabled: bool, note: str) -> Answer:
        """Switches something for all, in the name of who calls.

        Args:
            target: what.
            catalog: of the live version.
            enabled: on or off.
            note: why.

        Raises:
            InvalidQueryError: the note breaks a limit.
            UnknownRouteError: there is no such route.
            UnknownModelError: there is no such model.
            SwitchRefusedError: it must not be switched as things are.
            SharedStateError: it was not switched, or nobody knows who heeds it.
        """
        check_bytes("note", note, MAX_NOTE_BYTES)
        if "\0" in note:
            raise InvalidQueryError("note has a NUL character, which PostgreSQL cannot keep")
        who = current_caller().name

        def switch() -> tuple[bool, int]:
            # Here, because to find names like a wrong one among thousands takes its time.
            check_switch(target, self._switches, catalog, enabled=enabled)
            switched = self._state.switch(target, enabled=enabled, who=who, note=note)
            self._catch_up()
            return switched.was_on, switched.revision

        was_on, revision = await asyncio.to_thread(switch)
        was_enabled = was_on and is_enabled(target, Switches(), catalog)
        word = "on" if enabled else "off"
        by = repr(who) if who else "somebody without a token"
        _log.warning("%s is switched %s by %s: %r", target, word, by, note)
        return Answer(was_enabled, await self._pending(revision))

    async def audit(
        self, act: str, target: str, *, note: str = "", before: str = "", after: str = ""
    ) -> None:
        """Keeps what who calls has done; raises SharedStateError."""
        done = Act(
            who=current_caller().name, act=act, target=target, note=note, before=before, after=after
        )
        await asyncio.to_thread(self._state.audit, done)

    async def _pending(self, revision: int) -> int:
        until = self._clock() + HEED_SECONDS
        while True:
            late = await asyncio.to_thread(self._late, revision)
            waits = any(silent <= SILENT_SECONDS for silent in late)
            if not waits or self._clock() >= until:
                return len(late)
            await asyncio.sleep(LOOK_SECONDS)

    def _late(self, revision: int) -> list[float]:
        """Seconds of silence of each process that does not heed a revision."""
        with self._talking:
            return [
                silent
                for peer, silent in self._roll.silence(self._state.peers())
                if peer.revision < revision
            ]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._catch_up()
                left = self._beat_at + BEAT_SECONDS - self._clock()
                self._state.wait(max(0.0, left), self._known)
                self._hints.tell()
            except SharedStateError as error:
                self._ill(error)
                self._stopping.wait(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001  (a bug of ours must not end the thread)
                _log.exception("a bug of ours; what is shared is tried again")
                self.problem = f"a bug of ours: {type(error).__name__}"
                self._stopping.wait(RETRY_SECONDS)

    def _catch_up(self) -> None:
        """Takes up what has changed, and says so; says from time to time that it lives."""
        with self._talking:
            if self._known.switches == NEVER:
                # First, so that whoever switches from now on waits for this process.
                self._state.beat(self.process, NEVER)
            found = self._state.revisions()
            if found.switches != self._known.switches:
                self._take_switches(self._state.switches())
            if found.breakers != self._known.breakers:
                hints = self._state.hints()
                self._known = Revisions(self._known.switches, hints.revision)
                self._hints.take(hints.open, self._loop)
            if self._clock() >= self._beat_at + BEAT_SECONDS:
                self._beat()
            self._well()

    def _take_switches(self, switches: Switches) -> None:
        if switches.revision < self._known.switches:
            _log.warning(
                "the switches went back from revision %d to %d: the database is another, or an "
                "older one",
                self._known.switches,
                switches.revision,
            )
        self._switches = switches
        self._known = Revisions(switches.revision, self._known.breakers)
        off = ", ".join(str(target) for target in switches.off) or "nothing"
        _log.info("switches of revision %d are heeded: off is %s", switches.revision, off)
        self._beat()

    def _beat(self) -> None:
        self._state.beat(self.process, self._known.switches)
        self._beat_at = self._clock()
        living = self._roll.silence(self._state.peers())
        self.processes = sum(silent <= SILENT_SECONDS for _, silent in living)

    def _work_out(self, catalog: Catalog) -> Off:
        switches = self._switches
        default = Target(Kind.ROUTE, catalog.taxonomy.default_route)
        if default in switches.off:
            _log.warning("%s stays on though it is switched off: it is the default", default)
        self._made = (switches, catalog, off_in(switches, catalog))
        return self._made[2]

    def _leave(self) -> None:
        self._thread.join(STOP_SECONDS)
        try:
            if not self.problem:
                self._state.leave(self.process)
        except SharedStateError as error:
            _log.warning("others will wait for this process for a while: %s", error)
        self._state.close()

    def _ill(self, error: SharedStateError) -> None:
        if not self.problem:
            _log.error("the last switches stay in force: %s", error)
        self.problem = str(error)

    def _well(self) -> None:
        if self.problem:
            _log.info("the database that processes share can be used again")
        self.problem = ""
