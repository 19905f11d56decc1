"""The load generator: closed loops, and an open one that does not wait for answers to ask on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Call = Callable[[bytes], Awaitable[bytes]]
"""Asks; raises CallFailedError when the answer is an error."""

LEAD_SECONDS = 0.05
"""From the start of an open loop to its first query, so that its thread is there in time."""


class CallFailedError(Exception):
    """A call that ended without an answer; its text is the status code's name."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of a closed loop.

    Attributes:
        seconds: of each call that was answered, in the order of the requests.
        responses: to them.
        failed: status codes of the calls that were not.
        elapsed: seconds of it all.
    """

    seconds: Sequence[float]
    responses: Sequence[bytes]
    failed: Sequence[str]
    elapsed: float


@dataclass(frozen=True, slots=True)
class Open:
    """Calls at a fixed rate, in seconds, all from the time when each should have been sent.

    Attributes:
        seconds: until it was answered, of those that were.
        late: until it was sent, which is the generator's own fault, of all.
        failed: status codes of the calls that were not answered.
    """

    seconds: Sequence[float]
    late: Sequence[float]
    failed: Sequence[str]


async def closed_loop(
    call: Call, requests: Sequence[bytes], *, at_once: int, limit_seconds: float
) -> Closed:
    """Asks `at_once` at a time, each as soon as another is answered; no more after the limit."""
    waiting = iter(enumerate(requests))
    seconds: dict[int, float] = {}
    responses: dict[int, bytes] = {}
    failed: list[str] = []
    began = time.perf_counter()

    async def caller() -> None:
        for number, request in waiting:
            sent = time.perf_counter()
            if sent - began > limit_seconds:
                return
            try:
                responses[number] = await call(request)
            except CallFailedError as error:
                failed.append(str(error))
            else:
                seconds[number] = time.perf_counter() - sent

    await asyncio.gather(*(caller() for _ in range(at_once)))
    order = sorted(seconds)
    return Closed(
        [seconds[number] for number in order],
        [responses[number] for number in order],
        failed,
        time.perf_counter() - began,
    )


async def open_loop(call: Call, requests: Sequence[bytes], *, per_second: float) -> Open:
    """Asks at a fixed rate, whatever the answers do.

    A latency counts from when its query was due: were it from when it was sent, a generator that is
    held up would leave out the very queries that waited ("coordinated omission").
    """
    loop = asyncio.get_running_loop()
    due = due_times(time.perf_counter() + LEAD_SECONDS, per_second, len(requests))
    sent = [0.0] * len(due)
    answered: dict[int, float] = {}
    failed: list[str] = []
    asked: list[asyncio.Task[None]] = []

    async def one(number: int) -> None:
        sent[number] = time.perf_counter()
        try:
            await call(requests[number])
        except CallFailedError as error:
            failed.append(str(error))
        else:
            answered[number] = time.perf_counter()

    def send(number: int) -> None:
        asked.append(loop.create_task(one(number)))

    def keep_pace() -> None:
        # A thread, because the loop's own timers count whole milliseconds.
        for number, when in enumerate(due):
            time.sleep(max(0.0, when - time.perf_counter()))
            loop.call_soon_threadsafe(send, number)

    await asyncio.to_thread(keep_pace)
    await asyncio.gather(*asked)
    order = sorted(answered)
    seconds = since([due[number] for number in order], [answered[number] for number in order])
    return Open(seconds, since(due, sent), failed)


def due_times(first: float, per_second: float, count: int) -> list[float]:
    """When each query is to be sent."""
    return [first + number / per_second for number in range(count)]


def since(due: Sequence[float], happened: Sequence[float]) -> list[float]:
    """How long after it was due each thing happened."""
    return [late - when for when, late in zip(due, happened, strict=True)]
