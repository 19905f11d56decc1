"""From settings: where a fleet shares its bundles, and what is taken from there."""

import asyncio
import logging
from collections.abc import Callable

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.remote_bundles import RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder
from waypost_server.core.errors import WaypostError
from waypost_server.service.engine import Engine
from waypost_server.service.follow import Follow, in_a_thread
from waypost_server.service.swap import Swap
from waypost_server.settings import Settings
from waypost_server.wiring.fitting import check_fits

START_SECONDS = 60.0
"""A start waits so long for another bundle where one is live already."""

_log = logging.getLogger(__name__)


def remote_bundles(
    settings: Settings, serving: Callable[[], Engine | None] = lambda: None
) -> RemoteBundles | None:
    """Where bundles come from, if there is such a place.

    Args:
        settings: all of them.
        serving: what serves in this process, if anything does.

    Raises:
        BundleError: nothing here speaks the URL's scheme.
    """
    if not settings.bundles_url:
        return None

    def check(stored: StoredBundle) -> None:
        check_fits(settings, stored, serving())

    return RemoteBundles(
        RemoteFolder.at(settings.bundles_url),
        most_bytes=settings.max_bundle_mb * 2**20,
        check=check,
    )


class Fleet:
    """The place where a fleet shares its bundles, as one process follows it."""

    def __init__(self, settings: Settings) -> None:
        """Reaches for nothing yet; raises BundleError when nothing here speaks the URL's scheme."""
        self._settings = settings
        self._swap: Swap | None = None
        self._remote = remote_bundles(settings, self._serving)
        self._told = ""

    async def fetch_at_start(self, stopped: asyncio.Event) -> None:
        """Fetches what is live there.

        Where that fails or takes long, what is live here serves; where nothing is, raises
        BundleError or EncoderError.

        Args:
            stopped: set when there is no point in starting any more.
        """
        remote, index = self._remote, self._settings.index
        if remote is None:
            return
        has_one = BundleStore(index).live_version() is not None
        answer = in_a_thread(lambda: remote.follow(index))
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        leaving = asyncio.create_task(stopped.wait())
        await asyncio.wait(
            (answer, leaving),
            timeout=START_SECONDS if has_one else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        leaving.cancel()
        if not answer.done():
            _log.error("what is live here serves: %s takes long", remote)
            return
        try:
            version = answer.result()
        except WaypostError as error:
            if not has_one:
                raise
            _log.error("what is live here serves: %s", error)
        else:
            if version:
                _log.info("bundle %s is fetched from %s", version, remote)

    def follow(self, swap: Swap) -> Follow | None:
        """What looks there while the server runs, if it is to.

        Args:
            swap: hears why what is live there is not live here, and when that is over.
        """
        self._swap = swap
        remote, index = self._remote, self._settings.index
        if remote is None:
            return None

        def tell() -> None:
            if remote.refused == self._told:
                return
            swap.overcome(self._told)
            self._told = remote.refused
            if self._told:
                swap.note_refused(self._told)

        tell()  # of the start
        if not self._settings.watch:
            return None
        return Follow(lambda: remote.follow(index), where=str(remote), looked=tell)

    def _serving(self) -> Engine | None:
        return self._swap.engine if self._swap else None

    async def run(self, swap: Swap) -> None:
        """Looks there again and again, if that is wanted, until it is cancelled."""
        if follow := self.follow(swap):
            await follow.run(self._settings.bundles_poll_seconds)
