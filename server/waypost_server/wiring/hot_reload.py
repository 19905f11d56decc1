"""Other bundles while the server runs: who asks for them, and what is done."""

import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Self

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.building import BuildStep
from waypost_server.core.errors import BundleError
from waypost_server.service.build_process import BuildProcess
from waypost_server.service.crew_member import CrewMember, Link
from waypost_server.service.engine import Engine
from waypost_server.service.index_admin import Audit, IndexAdmin, IndexFolder
from waypost_server.service.swap import Alone, Swap
from waypost_server.service.version import Live
from waypost_server.service.watch import Mark, Watch
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine_like

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HotReload:
    """What changes the live bundle of a process.

    Attributes:
        swap: what went live here, and what did not.
        admin: what operators ask for.
        follower: does what others ask for: the supervisor, or whoever builds; None for nobody.
    """

    swap: Swap
    admin: IndexAdmin
    follower: CrewMember | Watch | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        live: Live,
        link: Link | None,
        audit: Audit,
        *,
        keep_what_is_loaded: Callable[[], None],
    ) -> Self:
        """Wires it.

        Args:
            settings: all of them.
            live: which bundle is live.
            link: to the supervisor, which then watches for all; None for one process.
            audit: keeps what operators did.
            keep_what_is_loaded: called when an engine has been loaded.
        """

        def load(index_version: str, before: Engine) -> Engine:
            engine = load_engine_like(settings, index_version, before)
            keep_what_is_loaded()
            return engine

        swap, store = Swap(live, load), BundleStore(settings.index)
        folder = _folder(settings, store)
        if link:
            member = CrewMember(swap, link)
            return cls(swap, IndexAdmin(swap, member, folder, audit), member)
        alone = Alone(swap)
        watch = Watch(named=lambda: _named(store), change=alone.change, refuse=swap.refuse_aloud)
        return cls(swap, IndexAdmin(swap, alone, folder, audit), watch if settings.watch else None)

    async def follow(self) -> None:
        """Does what others ask for, until it is cancelled."""
        if self.follower:
            await self.follower.run()


def _named(store: BundleStore) -> Mark:
    stamp = store.named_at()  # first: what is named in between is then seen at the next look
    return Mark(store.live_version() or "", stamp)


def _folder(settings: Settings, store: BundleStore) -> IndexFolder:
    def name(version: str) -> None:
        store.activate(version)
        try:
            store.prune(settings.keep_bundles)
        except BundleError as error:
            _log.warning("old bundles stay: %s", error)

    return IndexFolder(
        listed=store.listed, name=name, building=store.building, build=lambda: _build(settings)
    )


def _build(settings: Settings) -> AsyncGenerator[BuildStep, None]:
    # What the command line of `serve` said counts there, too; all else it reads as we did.
    folders = {"routes": settings.routes, "index": settings.index, "encoder": settings.encoder}
    options = [f"--{name}={folder}" for name, folder in folders.items()]
    return BuildProcess(["build", "--dry-run", "--progress-json", *options]).steps()
