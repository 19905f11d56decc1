"""Building a bundle."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.held_out_file import read_held_out
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.reuse import Reusable
from waypost_server.adapters.route_folder import read_routes
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.bundle import build_bundle
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder
from waypost_server.settings import Settings


@dataclass(frozen=True)
class Built:
    """A bundle on disk and what it was built with.

    Attributes:
        stored: the bundle, as loaded from disk; live only if it was before.
        encoded: how many texts had to be encoded.
        regression: queries that must go to their routes.
        encoder: the encoder.
        static: that of the first stage; None for one stage.
        live: what was live when the build began; None if there was none that can be used.
        notes: what should be mended in the routes folder all the same, a sentence each.
    """

    stored: StoredBundle
    encoded: int
    regression: Sequence[LabelledQuery]
    encoder: Encoder
    static: Encoder | None
    live: StoredBundle | None
    notes: Sequence[str] = ()


def write_index(settings: Settings, progress: Callable[[int, int], None]) -> Built:
    """Builds a bundle from the routes folder and leaves what is live as it is.

    A live bundle that was tuned stays if it is of the same routes and encoders: building it again
    would only lose the tuning.

    Args:
        settings: all of them.
        progress: called with how many exemplars are encoded and how many there are to encode.

    Raises:
        RoutesError: the routes folder has problems.
        EncoderError: the encoder cannot be used.
    """
    store = BundleStore(settings.index)
    with ThreadPoolExecutor() as pool:  # hashing and starting sessions leave the core to others
        usable = pool.submit(store.usable)
        loading = pool.submit(OnnxEncoder.load, settings.encoder)
        loading_static = (
            pool.submit(StaticEncoder.load, settings.static_encoder) if settings.two_stage else None
        )
        routes = read_routes(settings.routes)
        encoder = loading.result()
        static = loading_static.result() if loading_static else None
        live = usable.result()
    before = Reusable(live)
    encoded = 0

    def count(done: int, total: int) -> None:
        nonlocal encoded
        encoded = done
        progress(done, total)

    stored = before.tuned(
        routes.sha256, encoder.fingerprint, static.fingerprint if static else None
    ) or store.write(
        build_bundle(
            routes,
            encoder,
            known=before.encodings(encoder.fingerprint),
            progress=count,
            held_out=read_held_out(
                settings.encoder, routes.table(), knows_outside=bool(routes.out_of_scope)
            ),
            static=static,
            known_to_static=before.encodings(static.fingerprint) if static else {},
        )
    )
    return Built(stored, encoded, routes.regression, encoder, static, live, routes.notes)
