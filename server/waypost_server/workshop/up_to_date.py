"""Sparing a build whose bundle is live already, as `make` does."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as version_of
from typing import Self

from waypost_server.adapters.build_stamp import Stamp, content_sha256, read_stamp, write_stamp
from waypost_server.adapters.bundle_format import BundleManifest
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.building import BuildStep
from waypost_server.settings import Settings
from waypost_server.workshop.gating import PASSED
from waypost_server.workshop.publishing import Published, publish_index


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a build is about to read.

    Attributes:
        settings: say where it is.
        sha256: of all that the bundle and the gate's verdict depend on; empty if it cannot be read.
    """

    settings: Settings
    sha256: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Reads it; a build will say what cannot be read."""
        folders = [settings.routes, settings.encoder]
        if settings.two_stage:
            folders.append(settings.static_encoder)
        # Another Waypost may fit otherwise, and another format is another bundle.
        form = BundleManifest.model_fields["format_version"].default
        also = [version_of("waypost"), str(form), str(settings.two_stage)]
        try:
            return cls(settings, content_sha256(folders, also=also))
        except OSError:
            return cls(settings, "")

    def live(self) -> Published | None:
        """The live bundle, if it was built of the same, passed the gate and is sound.

        Raises:
            RoutesError: the routes folder has problems since a moment ago.
        """
        store = BundleStore(self.settings.index)
        stamp = read_stamp(self.settings.index)
        if not self.sha256 or stamp.sha256 != self.sha256:
            return None
        stored = store.usable()
        if stored is None or stored.version != stamp.version:
            return None
        # Read again, since another folder of the same content has its sentences at other places.
        notes = read_routes(self.settings.routes).notes if stamp.is_noted else ()
        return Published(stored, 0, PASSED, True, stamp.version, notes=notes)

    def made(self, published: Published) -> None:
        """Notes that a bundle was built of it, unless the gate had anything to say.

        What it noted, it notes again next time; what the routes folder should be mended in is read
        again without a build.
        """
        said = published.verdict.problems or published.verdict.notes
        if self.sha256 and published.is_live and not said:
            with suppress(OSError):  # the next build then takes its time
                stamp = Stamp(published.stored.version, self.sha256, bool(published.notes))
                write_stamp(self.settings.index, stamp)


def publish_if_changed(
    settings: Settings, tell: Callable[[BuildStep], None], *, force: bool = False
) -> tuple[Published, bool]:
    """`publish_index`, with its gate, unless it would make what is live.

    Args:
        settings: all of them.
        tell: hears how far it is.
        force: whether to build in any case.

    Returns:
        What is live or not by now, and whether that was so before.

    Raises:
        WaypostError: as `publish_index`.
    """
    ingredients = Ingredients.of(settings)
    live = None if force else ingredients.live()
    if live:
        return live, True
    published = publish_index(settings, tell)
    ingredients.made(published)
    return published, False
