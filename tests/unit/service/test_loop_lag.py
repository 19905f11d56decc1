import asyncio
import time

from waypost_server.service.loop_lag import LoopLag


async def test_a_loop_that_is_held_up_is_late_by_as_much_and_one_that_is_not_is_not() -> None:
    told: list[float] = []
    lag = LoopLag(told.append, time.monotonic)
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0.12)
    calm = min(told)
    time.sleep(0.4)  # noqa: ASYNC251  (it is to be held up)
    while lag.most_seconds < 0.3:  # noqa: ASYNC110  (nothing tells of it)
        await asyncio.sleep(0.01)
    task.cancel()
    assert calm < 0.3 <= max(told) == lag.most_seconds < 0.4 + calm + 5
