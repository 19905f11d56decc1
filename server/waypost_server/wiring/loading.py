"""Bundles and encoders from settings: what decides."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.guard_file import has_head
from waypost_server.adapters.held_folder import hold_while
from waypost_server.adapters.milvus_server import MilvusServer
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.errors import BundleError
from waypost_server.core.extraction.parameters import wants_meanings
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.ports import Encoder
from waypost_server.core.router import Router
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.engine import Engine
from waypost_server.settings import Settings
from waypost_server.wiring.judging import judgement_of

_E = TypeVar("_E", bound=Encoder)

_log = logging.getLogger(__name__)


def load_engine(settings: Settings, index_version: str | None = None) -> Engine:
    """A bundle, by default the live one, with its encoder; raises BundleError or EncoderError."""
    with ThreadPoolExecutor() as pool:  # hashing and starting sessions leave the core to others
        encoder = pool.submit(OnnxEncoder.load, settings.encoder)
        static = (
            pool.submit(StaticEncoder.load, settings.static_encoder) if settings.two_stage else None
        )
        stored = BundleStore(settings.index).load(index_version)
    return engine_of(
        settings, stored, encoder.result(), static.result if static else None, _cache(settings)
    )


def engine_of(
    settings: Settings,
    stored: StoredBundle,
    encoder: Encoder,
    static: Callable[[], Encoder] | None,
    cache: EmbeddingCache | None = None,
) -> Engine:
    """What decides with a bundle; holds its folder, so that no build removes it meanwhile.

    Args:
        settings: all of them.
        stored: the bundle.
        encoder: the one that is configured.
        static: gives the static one, and may fail, only where there is a first stage; None for
            none.
        cache: of encodings.

    Raises:
        BundleError: the bundle was built with other encoders.
        EncoderError: the static encoder cannot be used.
    """
    first = _first_stage(static, settings, stored) if static else None
    engine = Engine(
        _matching(encoder, settings.encoder, stored),
        _router(stored, settings),
        stored.version,
        first=first,
        judgement=judgement_of(
            settings, stored, encoder, first.encoder if first else _guards(static, settings, stored)
        ),
        cache=cache,
        uncached_tenants=settings.tenants_without_cache,
    )
    hold_while(engine, stored.folder)
    return engine


def load_engine_like(settings: Settings, index_version: str, before: Engine) -> Engine:
    """Another bundle; where its encoders are those of `before`, they serve on.

    Raises:
        BundleError: the bundle cannot be used, or was built with other encoders than the settings'.
        EncoderError: an encoder cannot be used.
    """
    return engine_like(settings, BundleStore(settings.index).load(index_version), before)


def engine_like(settings: Settings, stored: StoredBundle, before: Engine) -> Engine:
    """Likewise, of a bundle that is loaded already."""
    is_same = stored.manifest.encoder_fingerprint == before.encoder.fingerprint

    def static() -> Encoder:
        known = before.first.encoder if before.first else None
        if known and stored.first and known.fingerprint == stored.first.encoder_fingerprint:
            return known
        return StaticEncoder.load(settings.static_encoder)

    return engine_of(
        settings,
        stored,
        before.encoder if is_same else load_encoder(settings.encoder, stored),
        static if settings.two_stage else None,
        before.cache if is_same else _cache(settings),
    )


def offline_engine(
    settings: Settings,
    stored: StoredBundle,
    encoder: Encoder,
    static: Callable[[], Encoder] | None,
    cache: EmbeddingCache,
) -> Engine:
    """What decides with a bundle as in a server, but for Milvus, which is left alone.

    Arguments and errors are those of `engine_of`.
    """
    here = settings.model_copy(update={"milvus_uri": ""})
    return engine_of(here, stored, encoder, static, cache)


def static_loader(settings: Settings) -> Callable[[], Encoder] | None:
    """What loads the static encoder; None for one stage."""
    return partial(StaticEncoder.load, settings.static_encoder) if settings.two_stage else None


def _guards(
    static: Callable[[], Encoder] | None, settings: Settings, stored: StoredBundle
) -> Encoder | None:
    """The static encoder for the guard or parameters, of a bundle without a first stage."""
    guarded = stored.catalog.taxonomy.guard and has_head(settings.static_encoder)
    wanted = guarded or wants_meanings(stored.catalog)
    return static() if static and wanted else None


def _cache(settings: Settings) -> EmbeddingCache | None:
    return EmbeddingCache(settings.cache_entries) if settings.cache_entries else None


def load_encoder(folder: Path, stored: StoredBundle) -> OnnxEncoder:
    """The encoder in `folder`; raises BundleError unless the bundle was built with it."""
    return _matching(OnnxEncoder.load(folder), folder, stored)


def _matching(encoder: _E, folder: Path, stored: StoredBundle) -> _E:
    if stored.manifest.encoder_fingerprint != encoder.fingerprint:
        raise BundleError(
            f"{stored.folder.parent}: bundle {stored.version} was built with encoder "
            f"{stored.manifest.encoder_fingerprint}, but {folder} is "
            f"{encoder.fingerprint}; build again, or name the encoder that it was built with"
        )
    return encoder


def _first_stage(
    load: Callable[[], Encoder], settings: Settings, stored: StoredBundle
) -> FirstStage | None:
    """The bundle's first stage; `load` is asked, and may fail, only where there is one."""
    if stored.first is None:
        return None
    static = load()
    if stored.first.encoder_fingerprint != static.fingerprint:
        raise BundleError(
            f"{stored.folder.parent}: bundle {stored.version} was built with static encoder "
            f"{stored.first.encoder_fingerprint}, but {settings.static_encoder} is "
            f"{static.fingerprint}; build again, or set WAYPOST_TWO_STAGE=false"
        )
    router = Router(stored.catalog, stored.exemplars, stored.first.index, stored.first.scoring)
    return FirstStage(static, router, stored.first.gate)


def _router(stored: StoredBundle, settings: Settings) -> Router:
    """What decides with a bundle, whose vectors are in Milvus if the settings say so."""
    if not settings.milvus_uri:
        return router_of(stored)
    server = MilvusServer.at(settings.milvus_uri, timeout_seconds=settings.milvus_timeout_seconds)
    index = server.index(stored.version, stored.index)
    server.prune(stored.version, keep=settings.milvus_versions)
    return Router(stored.catalog, stored.exemplars, index, stored.scoring)


def router_of(stored: StoredBundle) -> Router:
    """What decides with a bundle."""
    return Router(stored.catalog, stored.exemplars, stored.index, stored.scoring)
