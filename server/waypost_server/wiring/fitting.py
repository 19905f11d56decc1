"""Whether a bundle that was built elsewhere can be served here."""

from functools import partial
from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.encoder_manifest import read_manifest
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.errors import BundleError
from waypost_server.service.engine import Engine
from waypost_server.service.smoke import check_decides
from waypost_server.settings import Settings
from waypost_server.wiring.loading import engine_like, engine_of


def check_fits(settings: Settings, stored: StoredBundle, serving: Engine | None = None) -> None:
    """Asks what the gate asks of every bundle: it is of the encoders that are set, and decides.

    Args:
        settings: all of them.
        stored: the bundle, as loaded.
        serving: what serves now, whose encoders are asked if they are the same; None for nothing.

    Raises:
        BundleError: it was built with other encoders, or it does not decide.
        EncoderError: an encoder cannot be used.
    """
    _compare("", stored.manifest.encoder_fingerprint, settings.encoder, stored)
    if settings.two_stage and stored.first:
        _compare("static ", stored.first.encoder_fingerprint, settings.static_encoder, stored)
    # It is asked with the vectors that it brings: those in Milvus are made of them, and later.
    here = settings.model_copy(update={"milvus_uri": ""})
    if serving:
        engine = engine_like(here, stored, serving)
    else:
        static = partial(StaticEncoder.load, here.static_encoder) if here.two_stage else None
        engine = engine_of(here, stored, OnnxEncoder.load(here.encoder), static)
    check_decides(engine)


def _compare(kind: str, found: str, folder: Path, stored: StoredBundle) -> None:
    """Before anything is loaded: manifests tell, too."""
    wanted = read_manifest(folder).fingerprint
    if found != wanted:
        raise BundleError(
            f"bundle {stored.version} was built with {kind}encoder {found}, but {folder} is "
            f"{wanted}; build with that one, and push again"
        )
