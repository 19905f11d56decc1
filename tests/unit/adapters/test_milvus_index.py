"""What is asked of Milvus, and how often; a real one is asked in tests/fleet."""

import logging
import re
from typing import Any

import numpy as np
import pytest

from waypost_server.adapters.milvus_index import AT_ONCE, MilvusIndex
from waypost_server.core.errors import UnavailableError
from waypost_server.core.ports import Vectors

SIZE = 10_000


class Client:
    """Answers questions about rows as Milvus does, in an order of its own."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self.asked: list[int] = []
        self.error: Exception | None = None
        self.lost: set[int] = set()

    def query(self, collection: str, *, filter: str, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        if self.error:
            raise self.error
        if listed := re.fullmatch(r"row in \[(.*)\]", filter):
            rows = [int(row) for row in listed[1].split(",")]
        else:
            spans = re.findall(r"row >= (\d+) and row < (\d+)", filter)
            rows = [row for start, stop in spans for row in range(int(start), int(stop))]
        self.asked.append(len(rows))
        found = [row for row in reversed(rows) if row not in self.lost]
        return [{"row": row, "vector": self._vectors[row].tolist()} for row in found]


@pytest.fixture
def vectors() -> Vectors:
    return np.random.default_rng(0).standard_normal((SIZE, 8), dtype=np.float32)


@pytest.fixture
def client(vectors: Vectors) -> Client:
    return Client(vectors)


@pytest.fixture
def index(client: Client) -> MilvusIndex:
    return MilvusIndex(client, "x", size=SIZE, dimension=8, timeout_seconds=1)


def test_the_exemplars_of_several_routes_come_in_one_answer_and_are_kept(
    index: MilvusIndex, client: Client, vectors: Vectors
) -> None:
    wanted = [slice(500, 628), slice(0, 7), slice(900, 1028), slice(500, 628), slice(3, 3)]
    for _ in range(2):
        for found, each in zip(index.blocks(wanted), wanted, strict=True):
            np.testing.assert_array_equal(found, vectors[each])
    assert client.asked == [128 + 7 + 128]
    index.blocks([slice(0, 7), slice(7, 9)])
    assert client.asked[1:] == [2]


def test_stretches_that_overlap_or_are_long_come_in_several(
    index: MilvusIndex, client: Client, vectors: Vectors
) -> None:
    wanted = [slice(0, 10), slice(5, 20), slice(0, SIZE), slice(SIZE - 2, SIZE + 50)]
    for found, each in zip(index.blocks(wanted), wanted, strict=True):
        np.testing.assert_array_equal(found, vectors[each])
    assert max(client.asked) == AT_ONCE


def test_rows_come_in_the_order_asked_however_often_each(
    index: MilvusIndex, vectors: Vectors
) -> None:
    some = np.random.default_rng(1).integers(SIZE, size=2 * AT_ONCE + 1)
    np.testing.assert_array_equal(index.rows(some), vectors[some])
    np.testing.assert_array_equal(index.rows(slice(None)), vectors)


def test_no_more_is_kept_than_there_is_room_for(
    client: Client,
) -> None:
    three = 3 * 100 * 8 * 4
    index = MilvusIndex(client, "x", size=SIZE, dimension=8, timeout_seconds=1, kept_bytes=three)
    blocks = [slice(100 * i, 100 * i + 100) for i in range(4)]
    for block in (*blocks[:3], blocks[0], blocks[3]):  # the second is now the one unused longest
        index.blocks([block])
    client.asked.clear()
    index.blocks([blocks[0], blocks[2], blocks[3]])
    assert client.asked == []
    index.blocks([blocks[1]])
    assert client.asked == [100]


def test_what_is_kept_cannot_be_written(index: MilvusIndex) -> None:
    for _ in range(2):
        assert not index.blocks([slice(0, 5)])[0].flags.writeable


def test_while_it_does_not_answer_callers_are_told_and_the_log_once(
    index: MilvusIndex, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    known = index.blocks([slice(0, 5)])[0]
    client.error = RuntimeError("secret.host:19530 refused")
    for _ in range(3):
        with pytest.raises(UnavailableError) as error:
            index.blocks([slice(7, 9)])
        assert str(error.value) == "Milvus does not answer; try again later"
    np.testing.assert_array_equal(index.blocks([slice(0, 5)])[0], known)
    client.error = None
    index.blocks([slice(7, 9)])
    assert [record.getMessage() for record in caplog.records] == [
        "Milvus does not answer: secret.host:19530 refused",
        "Milvus answers again",
    ]


def test_an_answer_that_lacks_rows_is_no_answer(index: MilvusIndex, client: Client) -> None:
    client.lost = {3}
    with pytest.raises(UnavailableError, match="exemplars are missing in Milvus"):
        index.blocks([slice(0, 5)])
