"""The queue in front of the encoder: bounded, fair to those who wait, quick to forget the rest."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.service.engines import GatedEncoder, engine_of
from waypost_server.core.errors import InvalidQueryError, OverloadedError
from waypost_server.core.query import Query
from waypost_server.service.workers import Workers


@pytest.fixture
def encoder() -> GatedEncoder:
    return GatedEncoder()


@pytest.fixture
def workers(encoder: GatedEncoder, tmp_path: Path) -> Iterator[Workers]:
    """One thread, three places; its encoder has forgotten the build and is shut."""
    made = Workers(engine_of(encoder, tmp_path), threads=1, capacity=3)
    encoder.encoded.clear()
    encoder.gate.clear()
    yield made
    encoder.gate.set()
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (workers signal nothing; they are looked at)
            await asyncio.sleep(0.005)


async def test_a_full_queue_refuses_and_takes_again_once_there_is_room(
    workers: Workers, encoder: GatedEncoder
) -> None:
    taken = [asyncio.create_task(workers.route(Query(text=text))) for text in "abc"]
    await until(lambda: workers.queue_depth == 2)
    with pytest.raises(OverloadedError, match="3 queries are waiting or running"):
        await workers.route(Query(text="one too many"))
    encoder.gate.set()
    routed = await asyncio.gather(*taken)
    assert [r.query.text for r in routed] == ["a", "b", "c"]
    assert (await workers.route(Query(text="d"))).query.text == "d"
    assert encoder.encoded == ["a", "b", "c", "d"]
    assert (workers.decision_count, workers.queue_depth) == (4, 0)


async def test_a_waiting_query_whose_caller_went_away_is_not_computed(
    workers: Workers, encoder: GatedEncoder
) -> None:
    first, second, third = (
        asyncio.create_task(workers.route(Query(text=text)))
        for text in ("first", "second", "third")
    )
    await until(lambda: workers.queue_depth == 2)
    second.cancel()
    await until(lambda: workers.queue_depth == 1)
    encoder.gate.set()
    await asyncio.gather(first, third)
    assert second.cancelled()
    assert encoder.encoded == ["first", "third"]
    assert workers.decision_count == 2


async def test_waiting_counts_as_queueing_and_not_as_encoding(
    workers: Workers, encoder: GatedEncoder
) -> None:
    running = asyncio.create_task(workers.route(Query(text="a")))
    waiting = asyncio.create_task(workers.route(Query(text="b")))
    await until(lambda: workers.queue_depth == 1)
    await asyncio.sleep(0.2)
    encoder.gate.set()
    timings = [(await task).timings for task in (running, waiting)]
    assert timings[0].encode_ns > 150e6 > timings[0].queue_ns
    assert timings[1].queue_ns > 150e6 > timings[1].encode_ns
    for t in timings:
        assert t.total_ns == t.queue_ns + t.encode_ns + t.search_ns + t.decide_ns


async def test_a_query_that_breaks_a_limit_takes_no_place(workers: Workers) -> None:
    for _ in range(10):
        with pytest.raises(InvalidQueryError):
            await workers.route(Query(text=" "))
    assert workers.queue_depth == 0
