"""Making a bundle live that was built before."""

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.building import refusal
from waypost_server.core.errors import BundleError
from waypost_server.service.smoke import check_decides
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine
from waypost_server.workshop.auditing import audit


def activate_version(settings: Settings, version: str, *, force: bool = False) -> str | None:
    """Makes a version live that loads, is of the configured encoders and decides.

    Args:
        settings: all of them.
        version: which.
        force: whether even one that the gate refused.

    Returns:
        The version that was live before; None for none.

    Raises:
        BundleError: the gate refused the version, it cannot be used, or it cannot be named.
        EncoderError: an encoder cannot be used.
    """
    store = BundleStore(settings.index)
    if not force and (problems := store.refusal(version)):
        raise BundleError(
            f"{refusal(version, problems)}; mend that and build again, or make it live all the "
            "same with --force"
        )
    check_decides(load_engine(settings, version))
    return store.activate(version)


def audit_activation(settings: Settings, version: str, before: str, *, force: bool) -> str:
    """Keeps in the database that whoever runs this process made a version live.

    Returns:
        Why it cannot be kept; empty if it is, or if no database is wanted.
    """
    note = "waypost index activate --force" if force else "waypost index activate"
    return audit(settings, "activate index", version, note=note, before=before, after=version)
