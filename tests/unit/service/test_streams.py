import asyncio
from collections.abc import AsyncIterator

import pytest

from waypost_server.service.streams import answers


async def numbers(count: int, taken: list[int]) -> AsyncIterator[int]:
    for number in range(count):
        taken.append(number)
        yield number
        await asyncio.sleep(0)


async def test_answers_come_as_they_are_ready_and_all_of_them() -> None:
    async def slow_if_even(number: int) -> int:
        await asyncio.sleep(0.05 if number % 2 == 0 else 0)
        return number

    found = [
        n async for n in answers(numbers(10, []), slow_if_even, at_once=10, until=asyncio.Event())
    ]
    assert found == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


async def test_a_caller_that_stops_reading_is_read_no_further() -> None:
    taken: list[int] = []

    async def at_once(number: int) -> int:
        return number

    stream = answers(numbers(100, taken), at_once, at_once=5, until=asyncio.Event())
    first = await anext(stream)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (first, len(taken)) == (0, 6)  # five under way, and one that waits for its turn
    assert [first, *[n async for n in stream]] == list(range(100))


async def test_what_the_stream_raises_is_raised_and_nothing_goes_on() -> None:
    running: set[int] = set()

    async def for_ever(number: int) -> int:
        running.add(number)
        try:
            await asyncio.sleep(60)
        finally:
            running.discard(number)
        return number

    async def broken() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0.01)
        assert running == {1}
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        async for _ in answers(broken(), for_ever, at_once=3, until=asyncio.Event()):
            pass
    await asyncio.sleep(0)
    assert not running


async def test_a_caller_that_leaves_ends_what_is_under_way() -> None:
    running: set[int] = set()

    async def first_only(number: int) -> int:
        running.add(number)
        try:
            await asyncio.sleep(0 if number == 0 else 60)
        finally:
            running.discard(number)
        return number

    stream = answers(numbers(4, []), first_only, at_once=4, until=asyncio.Event())
    assert await anext(stream) == 0
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.01)
    assert not running


async def test_when_it_is_to_end_what_was_taken_is_answered_and_no_more_is_taken() -> None:
    ending = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        for number in range(3):
            yield number
        await asyncio.sleep(60)

    async def slow(number: int) -> int:
        await asyncio.sleep(0.05)
        return number

    stream = answers(endless(), slow, at_once=8, until=ending)
    asyncio.get_running_loop().call_later(0.02, ending.set)
    assert sorted([n async for n in stream]) == [0, 1, 2]
