"""From settings: where a fleet shares its bundles, and what is taken from there."""

import asyncio
import logging

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.encoder_manifest import read_manifest
from waypost_server.adapters.remote_bundles import RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder
from waypost_server.core.errors import BundleError, WaypostError
from waypost_server.service.follow import Follow, in_a_thread
from waypost_server.settings import Settings

START_SECONDS = 60.0
"""A start waits so long for another bundle where one is live already."""

_log = logging.getLogger(__name__)


def remote_bundles(settings: Settings) -> RemoteBundles | None:
    """Where bundles come from, if there is such a place.

    Raises:
        BundleError: nothing here speaks the URL's scheme.
    """
    if not settings.bundles_url:
        return None

    def check(stored: StoredBundle) -> None:
        wanted = read_manifest(settings.encoder).fingerprint
        if stored.manifest.encoder_fingerprint != wanted:
            raise BundleError(
                f"bundle {stored.version} was built with encoder "
                f"{stored.manifest.encoder_fingerprint}, but {settings.encoder} is {wanted}; "
                "build with that one, and push again"
            )

    return RemoteBundles(
        RemoteFolder.at(settings.bundles_url),
        most_bytes=settings.max_bundle_mb * 2**20,
        check=check,
    )


async def fetch_at_start(settings: Settings, stopped: asyncio.Event) -> None:
    """Makes live here what is live where the fleet shares its bundles.

    Where that fails or takes long, what is live here serves; where nothing is, raises BundleError
    or EncoderError.

    Args:
        settings: all of them.
        stopped: set when there is no point in starting any more.
    """
    remote = remote_bundles(settings)
    if remote is None:
        return
    has_one = BundleStore(settings.index).live_version() is not None
    answer = in_a_thread(lambda: remote.follow(settings.index))
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


def follow_of(settings: Settings) -> Follow | None:
    """What looks there while the server runs, if it is to."""
    remote = remote_bundles(settings) if settings.watch else None
    if remote is None:
        return None
    return Follow(lambda: remote.follow(settings.index), where=str(remote))


async def follow_fleet(settings: Settings) -> None:
    """Looks there again and again, if that is wanted, until it is cancelled."""
    if follow := follow_of(settings):
        await follow.run(settings.bundles_poll_seconds)
