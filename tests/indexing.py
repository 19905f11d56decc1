"""Bundles for tests: built and live, whatever they are worth."""

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.settings import Settings
from waypost_server.workshop.indexing import write_index


def build_index(settings: Settings) -> StoredBundle:
    """Builds a bundle from the routes folder and makes it live without asking the gate."""
    built = write_index(settings, lambda done, total: None)
    BundleStore(settings.index).activate(built.stored.version)
    return built.stored
