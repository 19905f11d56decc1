"""Making a bundle live that was built before."""

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.service.smoke import check_decides
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine


def activate_version(settings: Settings, version: str) -> str | None:
    """Makes a version live that loads, is of the configured encoders and decides.

    Returns:
        The version that was live before; None for none.

    Raises:
        BundleError: the version cannot be used, or cannot be named.
        EncoderError: an encoder cannot be used.
    """
    check_decides(load_engine(settings, version))
    return BundleStore(settings.index).activate(version)
