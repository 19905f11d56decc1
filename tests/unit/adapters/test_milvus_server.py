"""What becomes of a Milvus that fails in the middle; a real one is asked in tests/fleet."""

import logging
from typing import Any

import pytest

from waypost_server.adapters.milvus_server import MilvusServer

OLD, NEW = (f"waypost_{digit * 12}_000000000{digit}_{digit * 8}" for digit in "12")


class Client:
    """Has two collections with their aliases, and may not drop any."""

    def __init__(self, failing: str) -> None:
        self.failing = failing
        self.dropped: list[str] = []

    def list_collections(self, **options: Any) -> list[str]:  # noqa: ANN401
        self._fail("list_collections")
        return [OLD, NEW]

    def list_aliases(self, collection: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        self._fail("list_aliases")
        return {"aliases": [collection[: len("waypost_") + 12]]}

    def drop_alias(self, alias: str, **options: Any) -> None:  # noqa: ANN401
        self._fail("drop_alias")

    def drop_collection(self, collection: str, **options: Any) -> None:  # noqa: ANN401
        self._fail("drop_collection")
        self.dropped.append(collection)

    def _fail(self, method: str) -> None:
        if method == self.failing:
            raise RuntimeError(f"{method}: permission denied\nfor this user")


@pytest.mark.parametrize(
    "failing", ["list_collections", "list_aliases", "drop_alias", "drop_collection"]
)
def test_collections_that_cannot_be_dropped_stay_and_keep_nobody_from_serving(
    failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(failing)
    MilvusServer(client, timeout_seconds=1).prune("2" * 12, keep=1)
    assert client.dropped == []
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"old collections stay: Milvus: old collections: {failing}: permission denied for this user"
    )


def test_old_collections_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    client = Client("")
    MilvusServer(client, timeout_seconds=1).prune("2" * 12, keep=1)
    assert client.dropped == [OLD]
    assert not caplog.records
