import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.folders import folder_content, write_folder
from tests.unit.adapters.bundles import TEXTS, small_bundle
from waypost_server.adapters.bundle_files import MANIFEST
from waypost_server.adapters.bundle_format import (
    EXEMPLARS,
    ROUTES,
    SERVED,
    load,
    serialise,
)
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.index_files import INDEX
from waypost_server.core.bundle import Bundle
from waypost_server.core.catalog import Model
from waypost_server.core.errors import BundleError
from waypost_server.core.hierarchy import Hierarchy
from waypost_server.core.policy import Policy


def written(folder: Path, bundle: Bundle) -> Path:
    version, files = serialise(bundle)
    return write_folder(folder / version, files)


def rewritten(folder: Path, changes: dict[str, bytes]) -> Path:
    """The bundle in `folder` with other files and hashes that agree with them: a forger's work."""
    content = folder_content(folder) | changes
    manifest = json.loads(content[MANIFEST])
    if MANIFEST not in changes:
        manifest["files"] = {name: sha256_hex(content[name]) for name in manifest["files"]}
    content[MANIFEST] = json.dumps(manifest).encode()
    return write_folder(folder.with_name(sha256_hex(content[MANIFEST])[:12]), content)


def test_a_bundle_comes_back_as_it_was(tmp_path: Path) -> None:
    bundle = small_bundle()
    back = load(written(tmp_path, bundle))
    assert back.catalog == bundle.catalog
    assert (back.exemplars.routes, tuple(back.exemplars.texts)) == (
        bundle.exemplars.routes,
        bundle.exemplars.texts,
    )
    assert back.exemplars.negative_counts == {"billing": 1}
    np.testing.assert_array_equal(back.exemplars.route_ids, bundle.exemplars.route_ids)
    np.testing.assert_array_equal(
        back.index.rows(slice(None)), bundle.encodings[:, : bundle.dimension]
    )
    np.testing.assert_array_equal(back.encodings(), bundle.encodings)
    np.testing.assert_array_equal(back.negatives().inputs, bundle.against)
    np.testing.assert_array_equal(back.known()["no"], bundle.against[0])
    assert back.manifest.encoder_fingerprint == bundle.encoder_fingerprint


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=12)))
def test_any_exemplars_come_back_in_their_order(tmp_path: Path, texts: list[str]) -> None:
    bundle = small_bundle({"billing": texts, "support": ["x"]})
    assert tuple(load(written(tmp_path, bundle)).exemplars.texts) == (*texts, "x")


def test_equal_bundles_have_equal_bytes_and_one_version() -> None:
    assert serialise(small_bundle()) == serialise(small_bundle())


@pytest.mark.parametrize(
    "other",
    [
        {**TEXTS, "billing": ["one more", *TEXTS["billing"]]},
        {**TEXTS, "billing": TEXTS["billing"][::-1]},
        {"billing": TEXTS["support"], "support": TEXTS["billing"]},
    ],
    ids=["text", "order", "route"],
)
def test_other_exemplars_are_another_version(other: dict[str, list[str]]) -> None:
    assert serialise(small_bundle(other))[0] != serialise(small_bundle())[0]


def test_the_version_is_the_hash_of_a_manifest_that_names_the_hash_of_every_file() -> None:
    version, files = serialise(small_bundle())
    assert hashlib.sha256(files[MANIFEST]).hexdigest().startswith(version)
    assert json.loads(files[MANIFEST])["files"] == {
        name: hashlib.sha256(files[name]).hexdigest() for name in sorted({*files} - {MANIFEST})
    }


def flip(path: Path, position: float) -> tuple[str, str]:
    """Flips a bit, at a share of the file's length; the hashes before and after."""
    before = path.read_bytes()
    after = bytearray(before)
    after[int(position * (len(before) - 1))] ^= 0x10
    path.write_bytes(after)
    return sha256_hex(before), sha256_hex(bytes(after))


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_a_flipped_bit_is_refused_naming_both_hashes(
    tmp_path: Path, name: str, position: float
) -> None:
    folder = written(tmp_path, small_bundle())
    wanted, found = flip(folder / name, position)
    with pytest.raises(BundleError) as error:
        load(folder)
    assert str(error.value) == (
        f"{folder / name}: its SHA-256 is {found}, but manifest.json says {wanted}; build again"
    )


def test_a_flipped_bit_of_the_manifest_is_refused_naming_hash_and_version(tmp_path: Path) -> None:
    folder = written(tmp_path, small_bundle())
    _, found = flip(folder / MANIFEST, 0.1)
    with pytest.raises(BundleError) as error:
        load(folder)
    assert str(error.value) == (
        f"{folder / MANIFEST}: its SHA-256 is {found[:12]}, "
        f"but the version is {folder.name}; build again"
    )


@pytest.mark.parametrize("name", [*SERVED, MANIFEST])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, small_bundle())
    (folder / name).unlink()
    with pytest.raises(BundleError) as error:
        load(folder)
    assert str(error.value) == f"{folder / name}: No such file or directory; build again"


def test_a_bundle_from_before_there_were_policies_has_default_ones(tmp_path: Path) -> None:
    bundle = small_bundle()
    folder = written(tmp_path, bundle)
    routes = json.loads((folder / ROUTES).read_bytes())
    catalog = routes["catalog"]
    del catalog["shadows"]
    for route in catalog["routes"].values():
        del route["specialist"]["policy"]
    for model in catalog["models"].values():
        for name in ("features", "retries", "breaker", "warm_up_after_ms"):
            del model[name]
    old = load(rewritten(folder, {ROUTES: json.dumps(routes).encode()}))
    assert old.catalog.shadows == {}
    assert {route.specialist.policy for route in old.catalog.routes.values()} == {Policy()}
    assert old.catalog.models["wise"] == Model(name="wise", provider="anthropic", model_id="y")
    assert old.catalog.taxonomy == bundle.catalog.taxonomy


def test_a_bundle_from_before_there_were_hierarchies_decides_one_list(tmp_path: Path) -> None:
    folder = written(tmp_path, small_bundle())
    routes = json.loads((folder / ROUTES).read_bytes())
    del routes["catalog"]["taxonomy"]["hierarchy"]
    old = load(rewritten(folder, {ROUTES: json.dumps(routes).encode()}))
    assert old.catalog.taxonomy.hierarchy is None


def test_a_hierarchy_travels_and_is_part_of_the_version(tmp_path: Path) -> None:
    bundle = small_bundle()
    hierarchy = Hierarchy(beams=2, default_routes={"ops": "ops/any"})
    taxonomy = dataclasses.replace(bundle.catalog.taxonomy, hierarchy=hierarchy)
    nested = dataclasses.replace(
        bundle, catalog=dataclasses.replace(bundle.catalog, taxonomy=taxonomy)
    )
    assert load(written(tmp_path, nested)).catalog.taxonomy == taxonomy
    assert serialise(nested)[0] == serialise(nested)[0] != serialise(bundle)[0]


FORGED: dict[str, tuple[dict[str, bytes], str]] = {
    "fewer vectors": (
        {INDEX: FaissIndex.build(np.eye(4, dtype=np.float32)).to_bytes()},
        "exemplars.faiss holds 4 vectors, but there are 5 exemplars; build again",
    ),
    "row without text": (
        {EXEMPLARS: b'{"route": "a", "text": "b"}\n' * 4 + b'{"route": "a"}\n'},
        "exemplars.jsonl: line 5: it lacks a route or a text; build again",
    ),
    "index of another kind": ({INDEX: b"?" * 100}, "exemplars.faiss is not a FAISS index"),
    "newer format": ({MANIFEST: b'{"format_version": 2}'}, "format_version: Input should be 1"),
}


@pytest.mark.parametrize(("changes", "message"), FORGED.values(), ids=FORGED)
def test_files_that_agree_in_hash_but_not_in_content_are_refused(
    tmp_path: Path, changes: dict[str, bytes], message: str
) -> None:
    folder = rewritten(written(tmp_path, small_bundle()), changes)
    with pytest.raises(BundleError) as error:
        load(folder)
    assert message in str(error.value)


def test_regression_queries_travel_and_are_no_file_where_there_are_none(tmp_path: Path) -> None:
    pairs = [("billing", "a\u2028b\x85c"), ("support", "héllo 🚀")]
    stored = BundleStore(tmp_path).save(small_bundle(regression=pairs))
    assert stored.regression() == pairs
    _, with_ = serialise(small_bundle(regression=pairs))
    _, without = serialise(small_bundle())
    assert with_.keys() - without.keys() == {"regression.jsonl"}
    changed = [name for name in without if with_[name] != without[name]]
    assert changed == ["manifest.json"]
    assert BundleStore(tmp_path).save(small_bundle()).regression() == []
