"""What a build takes over from the live bundle, which is read once for all of it."""

from collections.abc import Mapping

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.core.errors import BundleError
from waypost_server.core.ports import Encodings


class Reusable:
    """The live bundle as the next build sees it; none if there is none, or it is unusable."""

    def __init__(self, live: StoredBundle | None) -> None:
        self._live = live

    def tuned(
        self, routes_sha256: str, encoder_fingerprint: str, static_fingerprint: str | None
    ) -> StoredBundle | None:
        """The live bundle, if it was tuned and is of these routes and encoders.

        Without a static encoder any first stage will do: it is then not used.
        """
        live = self._live
        same = (
            live is not None
            and live.is_tuned
            and live.manifest.routes_sha256 == routes_sha256
            and live.manifest.encoder_fingerprint == encoder_fingerprint
            and (
                static_fingerprint is None
                or live.first is None
                or live.first.encoder_fingerprint == static_fingerprint
            )
        )
        return live if same else None

    def encodings(self, encoder_fingerprint: str) -> Mapping[str, Encodings]:
        """Encodings by text that it holds of this encoder, for its first stage or its second."""
        live = self._live
        if live is None:
            return {}
        if live.manifest.encoder_fingerprint == encoder_fingerprint:
            try:
                return live.known()
            except BundleError:
                return {}
        if live.first is not None and live.first.encoder_fingerprint == encoder_fingerprint:
            vectors = live.first.index.rows(slice(None))
            return dict(zip(live.exemplars.texts, vectors, strict=True))
        return {}
