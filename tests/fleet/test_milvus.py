"""Exemplars in a real Milvus: the same as in FAISS, whatever is asked of them."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient

from tests.e2e.processes import running_server
from tests.e2e.topics import CLEAR
from tests.fleet.milvus import Milvus, running_milvus
from waypost_client import Client
from waypost_client import UnavailableError as NobodyAnswers
from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.milvus_index import MilvusIndex
from waypost_server.adapters.milvus_server import PREFIX, MilvusServer
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.errors import BundleError, UnavailableError
from waypost_server.core.halves import halve, widen
from waypost_server.core.ports import ExemplarIndex, Vectors
from waypost_server.core.query import Query
from waypost_server.core.router import Router

MANY = 22_000
"""Exemplars beyond which FAISS does not compare all either."""

NEIGHBOURS = 64
TIMEOUT_SECONDS = 5.0


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milvus]:
    with running_milvus(tmp_path_factory.mktemp("milvus")) as running:
        yield running


@pytest.fixture(scope="session")
def server(milvus: Milvus) -> MilvusServer:
    return MilvusServer.at(milvus.uri, timeout_seconds=TIMEOUT_SECONDS)


@pytest.fixture(scope="session")
def bundle(index_folder: Path) -> StoredBundle:
    """The shipped routes."""
    return BundleStore(index_folder).load()


@pytest.fixture(scope="session")
def queries(encoder: OnnxEncoder, repo: Path) -> Vectors:
    """Encodings of the shipped evaluation queries."""
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    return encoder.encode([json.loads(line)["text"] for line in lines])


@pytest.fixture(scope="session")
def many(bundle: StoredBundle) -> Vectors:
    """Many vectors, as crowded as sentences, rounded as a build rounds them."""
    exemplars = bundle.index.rows(slice(None))
    random = np.random.default_rng(0)
    first, second = random.integers(len(exemplars), size=(2, MANY))
    share = random.uniform(0.5, 1, size=(MANY, 1))
    mixed = share * exemplars[first] + (1 - share) * exemplars[second]
    mixed += random.normal(scale=0.02, size=mixed.shape)
    unit = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return widen(halve(np.asarray(unit, dtype=np.float32)))


@pytest.fixture(scope="session")
def indexes(server: MilvusServer, many: Vectors) -> dict[str, ExemplarIndex]:
    """Both adapters, on the same vectors."""
    faiss = FaissIndex.build(many)
    return {"faiss": faiss, "milvus": server.index("0" * 12, faiss)}


@pytest.fixture(params=["faiss", "milvus"])
def index(indexes: dict[str, ExemplarIndex], request: pytest.FixtureRequest) -> ExemplarIndex:
    return indexes[request.param]


def test_it_is_as_large_as_what_went_in(index: ExemplarIndex, many: Vectors) -> None:
    assert (index.size, index.dimension) == many.shape


def test_rows_are_what_went_in_bit_for_bit(index: ExemplarIndex, many: Vectors) -> None:
    some = np.array([7, 3, 21_999, 3, 0, 12_345])
    for wanted in (slice(3, 9), slice(7, 7), slice(9_990, 20_010), slice(21_990, 40_000), some):
        np.testing.assert_array_equal(index.rows(wanted), many[wanted])
    np.testing.assert_array_equal(index.rows(slice(None)), many)


def test_blocks_are_rows_of_each_slice_in_the_order_asked(
    index: ExemplarIndex, many: Vectors
) -> None:
    wanted = [slice(500, 620), slice(10, 20), slice(15, 30), slice(500, 620), slice(0, 9_000)]
    for _ in range(2):  # the second time some are known
        for found, each in zip(index.blocks(wanted), wanted, strict=True):
            np.testing.assert_array_equal(found, many[each])


def test_it_finds_99_percent_of_the_nearest_with_their_cosines(
    index: ExemplarIndex, many: Vectors, queries: Vectors
) -> None:
    hits, asked = 0, queries[:100, : index.dimension]
    for query in asked:
        found = index.search(query, NEIGHBOURS)
        cosines = many @ query
        np.testing.assert_allclose(cosines[found.rows], found.similarities, atol=1e-5)
        assert (np.diff(found.similarities) <= 1e-6).all()
        assert len(set(found.rows.tolist())) == len(found.rows) <= NEIGHBOURS
        # As near as the last of the nearest is as good, whichever row it has.
        hits += int((found.similarities >= -np.sort(-cosines)[NEIGHBOURS - 1] - 1e-6).sum())
    assert hits / (NEIGHBOURS * len(asked)) >= 0.99


def test_it_finds_no_more_than_there_are(server: MilvusServer) -> None:
    three = FaissIndex.build(np.eye(8, dtype=np.float32)[:3])
    for index in (three, server.index("1" * 12, three)):
        found = index.search(np.eye(8, dtype=np.float32)[1], NEIGHBOURS)
        assert found.rows[0] == 1
        assert sorted(found.rows.tolist()) == [0, 1, 2]


def test_decisions_about_real_queries_are_the_same(
    server: MilvusServer, bundle: StoredBundle, queries: Vectors
) -> None:
    def decided(index: ExemplarIndex) -> list[tuple[str, str]]:
        router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
        return [
            (decision.route.name, decision.outcome.value)
            for query in queries
            for decision in [router.decide(query, router.search(query), Query(text="x"))]
        ]

    far = server.index(bundle.version, bundle.index)
    local, remote = decided(bundle.index), decided(far)
    same = sum(a == b for a, b in zip(local, remote, strict=True))
    assert same / len(queries) >= 0.99


def test_a_collection_is_filled_once_and_one_that_was_interrupted_is_filled_anew(
    milvus: Milvus, server: MilvusServer, bundle: StoredBundle
) -> None:
    version = "a" * 12

    class Interrupted(FaissIndex):
        def rows(self, wanted: object) -> Vectors:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.index(version, Interrupted.build(bundle.index.rows(slice(None))))
    assert collections(milvus, version) == []
    first = server.index(version, bundle.index)
    made = collections(milvus, version)
    again = server.index(version, bundle.index)
    assert collections(milvus, version) == made
    assert len(made) == 1
    for index in (first, again):
        np.testing.assert_array_equal(index.rows(slice(5)), bundle.index.rows(slice(5)))


def collections(milvus: Milvus, version: str) -> list[str]:
    client = MilvusClient(milvus.uri)
    try:
        return [name for name in client.list_collections() if version in name]
    finally:
        client.close()


def test_a_collection_that_has_lost_rows_is_not_used(
    milvus: Milvus, server: MilvusServer, bundle: StoredBundle
) -> None:
    version = "b" * 12
    server.index(version, bundle.index)
    client = MilvusClient(milvus.uri)
    client.delete(collections(milvus, version)[0], ids=[3])
    client.close()
    with pytest.raises(BundleError, match=r"vectors, but the bundle has \d+; drop it, and it is"):
        server.index(version, bundle.index)


def test_old_versions_go_and_the_newest_and_the_one_that_serves_stay(milvus: Milvus) -> None:
    three = FaissIndex.build(np.eye(8, dtype=np.float32)[:3])
    now = time.time()
    versions = [digit * 12 for digit in "cdef"]
    client = MilvusClient(milvus.uri)
    server = MilvusServer(client, timeout_seconds=TIMEOUT_SECONDS, clock=lambda: now)
    for version in versions:
        now += 1000
        server.index(version, three)
    server.prune("c" * 12, keep=3)
    left = [version for version in versions if collections(milvus, version)]
    assert left == ["c" * 12, "e" * 12, "f" * 12]
    client.close()


def test_while_milvus_is_stopped_what_needs_it_is_refused_in_time_and_then_answered(
    milvus: Milvus, bundle: StoredBundle, queries: Vectors
) -> None:
    server = MilvusServer.at(milvus.uri, timeout_seconds=1.0)
    index = server.index(bundle.version, bundle.index)
    query = queries[0, : index.dimension]
    before = index.search(query, NEIGHBOURS)
    known = index.blocks([slice(0, 30)])[0]
    os.kill(milvus.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="Milvus does not answer; try again later"):
            index.search(query, NEIGHBOURS)
        assert time.monotonic() - began < 30  # a hang would last for ever
        np.testing.assert_array_equal(index.blocks([slice(0, 30)])[0], known)
    finally:
        os.kill(milvus.pid, signal.SIGCONT)
    after = answered(index, query)
    np.testing.assert_array_equal(after, before.rows)


def answered(index: MilvusIndex, query: Vectors) -> list[int]:
    deadline = time.monotonic() + 60
    while True:
        try:
            return list(index.search(query, NEIGHBOURS).rows.tolist())
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_a_server_routes_with_milvus_says_so_while_it_is_gone_and_recovers(
    milvus: Milvus, topics_index: Path
) -> None:
    settings = {"WAYPOST_MILVUS_URI": milvus.uri, "WAYPOST_TWO_STAGE": "false"}
    with running_server(topics_index, **settings) as server, Client(server.address) as client:
        os.kill(milvus.pid, signal.SIGSTOP)  # before any vector has been fetched
        with pytest.raises(NobodyAnswers, match="Milvus does not answer; try again later"):
            client.route(CLEAR["travel"], timeout_s=20)
        os.kill(milvus.pid, signal.SIGCONT)
        deadline = time.monotonic() + 90
        while True:
            try:
                assert client.route(CLEAR["travel"], timeout_s=20).route == "travel"
                break
            except NobodyAnswers:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        assert server.log_text().count("Milvus does not answer") == 1
        assert PREFIX not in server.address
