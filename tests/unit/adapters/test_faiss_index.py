import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import golden_vectors
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.errors import BundleError
from waypost_server.core.ports import Vectors

NEIGHBOURS = 64


@pytest.fixture(scope="module")
def exemplars(index_folder: Path) -> Vectors:
    """Vectors of the shipped exemplars."""
    return BundleStore(index_folder).load().index.vectors


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


def nearest(vectors: Vectors, query: Vectors, k: int) -> set[int]:
    """What numpy finds by comparing all."""
    return set(np.argsort(-(vectors @ query), kind="stable")[:k].tolist())


def test_the_exact_index_finds_what_comparing_all_finds(
    exemplars: Vectors, queries: Vectors
) -> None:
    index = FaissIndex.build(exemplars)
    assert index.exact
    for query in queries:
        found = index.search(query, NEIGHBOURS)
        cosines = exemplars @ query
        np.testing.assert_allclose(found.similarities, -np.sort(-cosines)[:NEIGHBOURS], atol=1e-6)
        np.testing.assert_allclose(cosines[found.rows], found.similarities, atol=1e-6)
        assert len(set(found.rows.tolist())) == NEIGHBOURS


def test_hnsw_finds_99_percent_of_the_64_nearest_among_sentences(
    exemplars: Vectors, queries: Vectors
) -> None:
    vectors = blends(np.concatenate([exemplars, golden_vectors()]), 5_000)
    index = FaissIndex.build(vectors, exact_up_to=0)
    assert not index.exact
    hits = [
        len(nearest(vectors, query, NEIGHBOURS) & {*index.search(query, NEIGHBOURS).rows})
        for query in queries
    ]
    assert sum(hits) / (NEIGHBOURS * len(queries)) >= 0.99


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["hnsw", "exact"])
def test_an_index_comes_back_from_its_bytes_and_the_same_vectors_give_the_same_bytes(
    exemplars: Vectors, queries: Vectors, exact_up_to: int
) -> None:
    index = FaissIndex.build(exemplars, exact_up_to=exact_up_to)
    content = index.to_bytes()
    assert FaissIndex.build(exemplars.copy(), exact_up_to=exact_up_to).to_bytes() == content
    back = FaissIndex.from_bytes(content)
    assert back.exact == index.exact
    np.testing.assert_array_equal(back.vectors, exemplars)
    for query in queries[:10]:
        before, after = (i.search(query, NEIGHBOURS) for i in (index, back))
        np.testing.assert_array_equal(before.rows, after.rows)
        np.testing.assert_array_equal(before.similarities, after.similarities)


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["hnsw", "exact"])
def test_threads_that_search_at_once_find_what_one_finds_alone(
    exemplars: Vectors, queries: Vectors, exact_up_to: int
) -> None:
    index = FaissIndex.build(exemplars, exact_up_to=exact_up_to)
    alone = [index.search(query, 10).rows.tolist() for query in queries]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda q: index.search(q, 10).rows.tolist(), [*queries] * 5))
    assert together == alone * 5


@pytest.mark.parametrize("exact_up_to", [0, 1000], ids=["hnsw", "exact"])
def test_vectors_outlive_the_index_that_lent_them(exemplars: Vectors, exact_up_to: int) -> None:
    lent = [FaissIndex.build(exemplars, exact_up_to=exact_up_to).vectors for _ in range(3)]
    for vectors in lent:
        np.testing.assert_array_equal(vectors, exemplars)
        assert not vectors.flags.writeable


@given(count=st.integers(0, 30), k=st.integers(1, 40), exact=st.booleans())
def test_as_many_neighbours_as_there_are_come_nearest_first(
    count: int, k: int, exact: bool
) -> None:
    vectors = np.random.default_rng(count).standard_normal((count, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FaissIndex.build(vectors, exact_up_to=count if exact else -1)
    found = index.search(np.eye(8, dtype=np.float32)[0], k)
    assert found.rows.shape == found.similarities.shape == (min(k, count),)
    assert (np.diff(found.similarities) <= 0).all()
    np.testing.assert_allclose(vectors[found.rows, 0], found.similarities, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"IxF", b"not an index at all" * 100])
def test_bytes_that_are_no_index_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"exemplars\.faiss is not a FAISS index; build again"):
        FaissIndex.from_bytes(content)
