"""A bundle whose vectors stay on disk."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.bench.growth.crowd import gather
from tests.bench.growth.standin import bundle_of
from tests.folders import folder_content, write_folder
from waypost_server.adapters.bundle_files import MANIFEST
from waypost_server.adapters.bundle_format import StoredBundle, load, serialise
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import EXACT_UP_TO, FaissIndex, IndexKind
from waypost_server.adapters.files import as_npy, sha256_hex
from waypost_server.adapters.index_files import INDEX, VECTORS
from waypost_server.adapters.stage_files import PREFIX
from waypost_server.core.bundle import Bundle
from waypost_server.core.errors import BundleError
from waypost_server.core.first_stage import FittedFirstStage, Gate

COUNT, DIMENSION, INNER = EXACT_UP_TO + 1, 8, 4


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    random = np.random.default_rng(0)
    encodings = random.standard_normal((5_000, DIMENSION + INNER), dtype=np.float32)
    encodings[:, :DIMENSION] /= np.linalg.norm(encodings[:, :DIMENSION], axis=1, keepdims=True)
    texts = [f"text {i}" for i in range(len(encodings))]
    crowd = gather(texts, encodings, dimension=DIMENSION, count=COUNT, routes=20)
    made = bundle_of(crowd, dimension=DIMENSION)
    static = FittedFirstStage(
        encodings=made.encodings[:, 2 : 2 + DIMENSION],
        scoring=made.scoring,
        gate=Gate(0.9, 0.1),
        encoder_name="static",
        encoder_fingerprint="1" * 64,
    )
    return replace(made, first=static)


@pytest.fixture(scope="module")
def stored(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> StoredBundle:
    return BundleStore(tmp_path_factory.mktemp("index")).save(bundle)


def test_it_comes_back_bit_for_bit_for_the_next_build(bundle: Bundle, stored: StoredBundle) -> None:
    assert stored.manifest.index_kind is IndexKind.LISTS
    np.testing.assert_array_equal(stored.encodings(), bundle.encodings)
    known = stored.known()
    for row in (0, 77, COUNT - 1):
        np.testing.assert_array_equal(known[bundle.exemplars.texts[row]], bundle.encodings[row])


def test_its_vectors_stay_on_disk_in_either_stage(bundle: Bundle, stored: StoredBundle) -> None:
    assert bundle.first is not None
    assert stored.first is not None
    made = bundle.encodings[:, :DIMENSION], bundle.first.encodings
    for index, vectors in zip((stored.index, stored.first.index), made, strict=True):
        assert index.halves is not None
        assert isinstance(index.halves.base, np.memmap)
        np.testing.assert_array_equal(index.rows(slice(None)), vectors)


def test_it_finds_what_the_index_found_before_it_was_written(
    bundle: Bundle, stored: StoredBundle
) -> None:
    units = bundle.encodings[:, :DIMENSION]
    built = FaissIndex.build(units)
    for unit in units[::500]:
        before, after = built.search(unit, 10), stored.index.search(unit, 10)
        np.testing.assert_array_equal(before.rows, after.rows)
        assert after.similarities[0] == pytest.approx((units @ unit).max(), abs=1e-6)


def test_equal_bundles_have_equal_bytes(bundle: Bundle, stored: StoredBundle) -> None:
    version, files = serialise(bundle)
    assert version == stored.version
    assert folder_content(stored.folder) == files


@pytest.mark.parametrize("name", [VECTORS, PREFIX + VECTORS])
def test_a_flipped_bit_of_its_vectors_is_refused_naming_both_hashes(
    stored: StoredBundle, tmp_path: Path, name: str
) -> None:
    files = folder_content(stored.folder)
    flipped = bytearray(files[name])
    flipped[len(flipped) // 2] ^= 1
    folder = write_folder(tmp_path / stored.version, files | {name: bytes(flipped)})
    with pytest.raises(BundleError) as error:
        load(folder)
    assert str(error.value) == (
        f"{folder / name}: its SHA-256 is {sha256_hex(bytes(flipped))}, but manifest.json says "
        f"{sha256_hex(files[name])}; build again"
    )


FEWER = np.zeros((COUNT - 1, DIMENSION), dtype=np.float16)
FORGED: dict[str, tuple[dict[str, bytes | None], str]] = {
    "fewer rows": ({VECTORS: as_npy(FEWER)}, f"holds {COUNT - 1} rows, wanted {COUNT}"),
    "shorter rows": (
        {VECTORS: as_npy(np.zeros((COUNT, 2), dtype=np.float16))},
        "exemplars.faiss holds vectors of the shape",
    ),
    "pickled": (
        {VECTORS: b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': "
         b"(10001, 8), }".ljust(117) + b"\n" + bytes(COUNT * 64)},
        "vectors.npy: cannot be read",
    ),
    "no vectors": ({VECTORS: None}, "exemplars.faiss is not a FAISS index of ours"),
    "another index": (
        {INDEX: FaissIndex.build(np.eye(8, dtype=np.float32)).to_bytes()},
        "exemplars.faiss is not a FAISS index of ours",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), FORGED.values(), ids=FORGED)
def test_files_that_agree_in_hash_but_not_in_content_are_refused(
    stored: StoredBundle, tmp_path: Path, changes: dict[str, bytes | None], message: str
) -> None:
    files = {
        name: content
        for name, content in (folder_content(stored.folder) | changes).items()
        if content is not None
    }
    manifest = json.loads(files.pop(MANIFEST))
    manifest["files"] = {name: sha256_hex(content) for name, content in files.items()}
    files[MANIFEST] = json.dumps(manifest).encode()
    folder = write_folder(tmp_path / sha256_hex(files[MANIFEST])[:12], files)
    with pytest.raises(BundleError) as error:
        load(folder)
    assert message in str(error.value)
