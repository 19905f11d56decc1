import json
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import golden_vectors
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import EXACT_UP_TO, FaissIndex, IndexKind
from waypost_server.adapters.inverted_lists import FEWEST
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.errors import BundleError
from waypost_server.core.halves import Halves, halve, widen
from waypost_server.core.ports import Vectors

NEIGHBOURS = 64


@pytest.fixture(scope="module")
def exemplars(index_folder: Path) -> Vectors:
    """Vectors of the shipped exemplars."""
    return BundleStore(index_folder).load().index.rows(slice(None))


@pytest.fixture(scope="module")
def queries(encoder: OnnxEncoder, repo: Path) -> Vectors:
    """Vectors of a hundred of the shipped evaluation queries."""
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    encodings = encoder.encode([json.loads(line)["text"] for line in lines[::4]])
    return encodings[:, : encoder.dimension]


def blends(vectors: Vectors, count: int) -> Vectors:
    """Unit vectors between two sentences each: as crowded as sentences, and as many as wanted."""
    random = np.random.default_rng(0)
    first, second = random.integers(len(vectors), size=(2, count))
    share = random.uniform(0.5, 1, size=(count, 1))
    mixed = share * vectors[first] + (1 - share) * vectors[second]
    mixed += random.normal(scale=0.02, size=mixed.shape)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def stored(vectors: Vectors) -> Vectors:
    """As a build rounds them."""
    return widen(halve(vectors))


def nearest(vectors: Vectors, query: Vectors, k: int) -> set[int]:
    """What numpy finds by comparing all."""
    return set(np.argsort(-(vectors @ query), kind="stable")[:k].tolist())


def test_the_exact_index_finds_what_comparing_all_finds(
    exemplars: Vectors, queries: Vectors
) -> None:
    index = FaissIndex.build(exemplars)
    assert index.kind is IndexKind.EXACT
    for query in queries:
        found = index.search(query, NEIGHBOURS)
        cosines = exemplars @ query
        np.testing.assert_allclose(found.similarities, -np.sort(-cosines)[:NEIGHBOURS], atol=1e-6)
        np.testing.assert_allclose(cosines[found.rows], found.similarities, atol=1e-6)
        assert len(set(found.rows.tolist())) == NEIGHBOURS


def test_lists_find_99_percent_of_the_10_nearest_among_sentences(
    exemplars: Vectors, queries: Vectors
) -> None:
    many = EXACT_UP_TO + 2_000
    vectors = stored(blends(np.concatenate([exemplars, golden_vectors()]), many))
    index = FaissIndex.build(vectors)
    assert index.kind is IndexKind.LISTS
    hits = 0
    for query in queries:
        found = index.search(query, 10)
        hits += len(nearest(vectors, query, 10) & {*found.rows.tolist()})
        np.testing.assert_allclose(vectors[found.rows] @ query, found.similarities, atol=1e-6)
        assert (np.diff(found.similarities) <= 0).all()
    assert hits / (10 * len(queries)) >= 0.99


def reloaded(index: FaissIndex) -> FaissIndex:
    return FaissIndex.from_bytes(index.to_bytes(), index.halves)


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["lists", "exact"])
def test_an_index_comes_back_from_its_bytes_and_the_same_vectors_give_the_same_bytes(
    exemplars: Vectors, queries: Vectors, exact_up_to: int
) -> None:
    index = FaissIndex.build(exemplars, exact_up_to=exact_up_to)
    again = FaissIndex.build(exemplars.copy(), exact_up_to=exact_up_to)
    assert again.to_bytes() == index.to_bytes()
    back = reloaded(index)
    assert (back.kind, back.size, back.dimension) == (index.kind, *exemplars.shape)
    for query in queries[:10]:
        before, after = (i.search(query, NEIGHBOURS) for i in (index, back))
        np.testing.assert_array_equal(before.rows, after.rows)
        np.testing.assert_array_equal(before.similarities, after.similarities)


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["lists", "exact"])
def test_rows_are_the_vectors_that_a_build_made(exemplars: Vectors, exact_up_to: int) -> None:
    """What a build makes is rounded already, so that even a large index gives it back."""
    index = reloaded(FaissIndex.build(exemplars, exact_up_to=exact_up_to))
    some = np.array([5, 0, 31])
    for wanted in (slice(None), slice(3, 9), slice(7, 7), some):
        np.testing.assert_array_equal(index.rows(wanted), exemplars[wanted])


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["lists", "exact"])
def test_threads_that_search_at_once_find_what_one_finds_alone(
    exemplars: Vectors, queries: Vectors, exact_up_to: int
) -> None:
    index = FaissIndex.build(exemplars, exact_up_to=exact_up_to)
    alone = [index.search(query, 10).rows.tolist() for query in queries]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda q: index.search(q, 10).rows.tolist(), [*queries] * 5))
    assert together == alone * 5


def test_vectors_outlive_the_index_that_lent_them(exemplars: Vectors) -> None:
    lent = [FaissIndex.build(exemplars).rows(slice(None)) for _ in range(3)]
    for vectors in lent:
        np.testing.assert_array_equal(vectors, exemplars)
        assert not vectors.flags.writeable


@given(count=st.integers(0, 60), k=st.integers(1, 70), dimension=st.sampled_from([7, 8]))
@pytest.mark.parametrize("kind", IndexKind)
def test_as_many_neighbours_as_there_are_come_nearest_first(
    kind: IndexKind, count: int, k: int, dimension: int
) -> None:
    count += FEWEST * (kind is IndexKind.LISTS)
    vectors = np.random.default_rng(count).standard_normal((count, dimension), dtype=np.float32)
    vectors = stored(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    index = FaissIndex.build(vectors, exact_up_to=0 if kind is IndexKind.LISTS else count)
    assert index.kind is kind
    found = index.search(np.eye(dimension, dtype=np.float32)[0], k)
    assert found.rows.shape == found.similarities.shape == (min(k, count),)
    np.testing.assert_allclose(found.similarities, -np.sort(-vectors[:, 0])[:k], atol=1e-6)
    np.testing.assert_allclose(vectors[found.rows, 0], found.similarities, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"IxF", b"not an index at all" * 100])
def test_bytes_that_are_no_index_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"exemplars\.faiss is not a FAISS index of ours; build"):
        FaissIndex.from_bytes(content)


def test_an_index_of_a_kind_that_its_files_do_not_tell_is_refused(exemplars: Vectors) -> None:
    small, large = (FaissIndex.build(exemplars, exact_up_to=n) for n in (1000, 0))
    for content, halves in ((small.to_bytes(), large.halves), (large.to_bytes(), None)):
        with pytest.raises(BundleError, match="not a FAISS index of ours"):
            FaissIndex.from_bytes(content, halves)


@pytest.mark.parametrize("change", [lambda h: h[:-1], lambda h: h[:, :-1], lambda h: h.view("i2")])
def test_vectors_that_do_not_fit_their_index_are_refused(
    exemplars: Vectors, change: Callable[[Halves], Halves]
) -> None:
    index = FaissIndex.build(exemplars, exact_up_to=0)
    assert index.halves is not None
    with pytest.raises(BundleError, match=r"exemplars\.faiss holds vectors of the shape"):
        FaissIndex.from_bytes(index.to_bytes(), change(index.halves))


FLAT = "<4siq16x?iQ"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": b"IxF2"},
        {"kind": b"IxMp"},
        {"dimension": 0},
        {"dimension": -8},
        {"dimension": 2**31 - 1},
        {"count": 2**40},
        {"count": -1},
        {"count": 2**61, "length": 0},
        {"trained": 0},
        {"metric": 1},
        {"length": 2**62},
        {"length": 7},
    ],
)
def test_a_flat_index_whose_header_lies_never_reaches_the_parser(change: dict[str, int]) -> None:
    vectors = np.eye(8, dtype=np.float32)
    sound = FaissIndex.build(vectors).to_bytes()
    assert FaissIndex.from_bytes(sound).size == 8
    names = ("kind", "dimension", "count", "trained", "metric", "length")
    said = dict(zip(names, struct.unpack_from(FLAT, sound), strict=True)) | change
    start = struct.calcsize(FLAT)
    content = struct.pack(FLAT, *said.values()) + sound[start:]
    for hostile in (content, content[:start], content[: start - 1], sound + b"\0", sound[:-1]):
        with pytest.raises(BundleError, match="not a FAISS index of ours"):
            FaissIndex.from_bytes(hostile)
