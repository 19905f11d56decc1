"""Answers to a stream, each as it is ready, with a bound on what is under way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")


async def answers(
    requests: AsyncIterator[Request],
    answer: Callable[[Request], Awaitable[Response]],
    *,
    at_once: int,
    until: asyncio.Event,
) -> AsyncIterator[Response]:
    """Yields the answer to each request as soon as it is there.

    No more than `at_once` requests are taken that have not been answered, and their answers taken
    by the caller: a caller that stops reading is read no further.

    Args:
        requests: the stream; what it raises is raised here.
        answer: answers one of them, and raises nothing.
        at_once: how many may be under way.
        until: once set, no more requests are taken; those that were are answered.
    """
    ready: asyncio.Queue[Response | None] = asyncio.Queue()
    share = asyncio.Semaphore(at_once)

    async def answer_one(request: Request) -> None:
        await ready.put(await answer(request))

    tasks: set[asyncio.Task[None]] = set()

    async def take() -> None:
        async for request in requests:
            await share.acquire()
            task = asyncio.create_task(answer_one(request))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def read() -> None:
        taking, stopped = asyncio.create_task(take()), asyncio.create_task(until.wait())
        try:
            await asyncio.wait((taking, stopped), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                await taking
            taking.cancel()
            await asyncio.gather(*tasks)
        finally:
            for task in (taking, stopped, *tasks):
                task.cancel()
            await ready.put(None)

    reader = asyncio.create_task(read())
    try:
        while (response := await ready.get()) is not None:
            yield response
            share.release()
        await reader
    finally:
        reader.cancel()
