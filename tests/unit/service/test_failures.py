"""A bug of ours ends one call, leaves a trace in the log, and tells the caller nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.service.engines import (
    PRIVATE,
    EngineWorkers,
    FailingEncoder,
    GatedEncoder,
    NotFiniteEncoder,
    engine_of,
    serving,
)
from waypost_client import (
    AsyncClient,
    Contract,
    DeadlineExceededError,
    InternalError,
    OverloadedError,
    WaypostError,
)

SAID = re.compile(r"internal error; quote incident ([0-9a-f-]{36}) to the operator")


@pytest.fixture
def workers(tmp_path: Path) -> EngineWorkers:
    """Workers whose encoder fails for "boom"."""
    return EngineWorkers(engine_of(FailingEncoder(), tmp_path), threads=2, capacity=16)


@pytest.fixture
async def client(workers: EngineWorkers) -> AsyncIterator[AsyncClient]:
    """A client of their server."""
    async with serving(workers) as connected:
        yield connected


def incident_of(error: WaypostError, log: str) -> str:
    """The incident that the caller was told, after a look at what the caller was not told."""
    said = SAID.fullmatch(error.details)
    assert said, error.details
    assert PRIVATE not in str(error)
    assert said[1] in log
    assert PRIVATE in log
    return said[1]


async def test_an_encoder_that_raises_ends_that_call_alone(
    client: AsyncClient, workers: EngineWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InternalError) as first:
        await client.route("boom")
    with pytest.raises(InternalError) as second:
        await client.route("boom")
    incidents = [incident_of(caught.value, caplog.text) for caught in (first, second)]
    assert incidents[0] != incidents[1]
    assert (await client.route("a red apple")).route == "fruit"
    assert (workers.queue_depth, workers.decision_count) == (0, 1)


async def test_an_encoder_that_raises_ends_that_item_alone(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    before, error, after = await client.route_many(["an iron bar", "boom", "a red apple"])
    assert isinstance(error, InternalError)
    incident_of(error, caplog.text)
    assert isinstance(before, Contract)
    assert isinstance(after, Contract)
    assert (before.route, after.route) == ("metal", "fruit")


async def test_an_encoding_that_is_not_finite_is_our_error_and_no_wrong_route(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workers = EngineWorkers(engine_of(NotFiniteEncoder(), tmp_path), threads=1, capacity=4)
    async with serving(workers) as client:
        with pytest.raises(InternalError, match=SAID):
            await client.route("boom")
        assert (await client.route("a red apple")).route == "fruit"
    assert "the query's encoding is not finite; export the encoder again" in caplog.text


async def test_a_batch_that_the_server_has_no_room_for_fails_item_by_item(tmp_path: Path) -> None:
    workers = EngineWorkers(engine_of(GatedEncoder(), tmp_path), threads=1, capacity=2)
    async with serving(workers) as client:
        results = await client.route_many(["a red apple"] * 32)
    kinds = {type(result) for result in results}
    assert kinds == {Contract, OverloadedError}


async def test_a_query_whose_deadline_passes_in_the_queue_is_never_encoded(tmp_path: Path) -> None:
    encoder = GatedEncoder()
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=16)
    encoder.encoded.clear()
    async with serving(workers) as client:
        encoder.gate.clear()
        busy = asyncio.create_task(client.route("a red apple"))
        while not workers.running:  # noqa: ASYNC110  (workers signal nothing; they are looked at)
            await asyncio.sleep(0.005)
        with pytest.raises(DeadlineExceededError):
            await client.route("an iron bar", timeout_s=0.2)
        while workers.queue_depth:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        encoder.gate.set()
        assert (await busy).route == "fruit"
        assert (await client.route("a copper wire")).route == "metal"
    assert encoder.encoded == ["a red apple", "a copper wire"]
