from pathlib import Path

import pytest

from tests.fakes import HashEncoder
from waypost_server.adapters.bundle_format import INNER, serialise
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.reuse import Reusable
from waypost_server.core.bundle import Bundle, RouteSet, build_bundle
from waypost_server.core.catalog import Catalog, Route, Taxonomy

TEXTS = {
    name: tuple(f"{a} {b} {c}" for a in first.split() for b in second.split() for c in "xyz")
    for name, first, second in (
        ("fruit", "ripe sweet fresh juicy", "apple pear plum grape"),
        ("metal", "rusty heavy shiny thick", "bar wire pipe nail"),
    )
}
CHANGED = TEXTS | {"fruit": ("one more fruit", *TEXTS["fruit"][1:])}


def test_of_both_stages_only_new_texts_are_encoded_and_the_bundle_is_as_if_all_were(
    tmp_path: Path,
) -> None:
    encoder, static = HashEncoder(), HashEncoder(dimension=40, name="static")
    store = BundleStore(tmp_path)
    store.save(built(TEXTS, encoder, static, Reusable(None)))
    for each in (encoder, static):
        each.encoded.clear()
    reused = built(CHANGED, encoder, static, Reusable(store.usable()))
    assert encoder.encoded == ["one more fruit"]
    assert static.encoded == ["one more fruit", "neither"]  # a bundle keeps exemplars alone of it
    assert serialise(reused) == serialise(built(CHANGED, encoder, static, Reusable(None)))


def test_another_static_encoder_reuses_nothing_of_the_first(tmp_path: Path) -> None:
    encoder, static = HashEncoder(), HashEncoder(dimension=40, name="static")
    store = BundleStore(tmp_path)
    store.save(built(TEXTS, encoder, static, Reusable(None)))
    before = Reusable(store.usable())
    assert before.encodings(HashEncoder(dimension=40, name="other").fingerprint) == {}
    assert before.encodings(static.fingerprint).keys() == {*TEXTS["fruit"], *TEXTS["metal"]}
    assert (
        before.encodings(encoder.fingerprint).keys() > before.encodings(static.fingerprint).keys()
    )


@pytest.mark.parametrize("name", ["manifest.json", "exemplars.faiss", INNER])
def test_a_damaged_bundle_is_not_reused(tmp_path: Path, name: str) -> None:
    encoder, static = HashEncoder(), HashEncoder(dimension=40, name="static")
    store = BundleStore(tmp_path)
    saved = store.save(built(TEXTS, encoder, static, Reusable(None)))
    (saved.folder / name).write_bytes(b"damaged")
    assert Reusable(store.usable()).encodings(encoder.fingerprint) == {}


def built(
    texts: dict[str, tuple[str, ...]], encoder: HashEncoder, static: HashEncoder, before: Reusable
) -> Bundle:
    routes = RouteSet(
        catalog=Catalog(taxonomy=Taxonomy(), routes={name: Route(name=name) for name in texts}),
        exemplars=texts,
        negatives={"fruit": ["neither"]},
        out_of_scope=(),
        sha256="0" * 64,
    )
    return build_bundle(
        routes,
        encoder,
        known=before.encodings(encoder.fingerprint),
        progress=lambda done, total: None,
        static=static,
        known_to_static=before.encodings(static.fingerprint),
    )
