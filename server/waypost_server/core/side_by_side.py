"""Work that goes on side by side: numpy lets other threads run while it multiplies."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MOST = 4
"""Jobs at a time at most, however many cores there are: one may take some 300 MB."""


def side_by_side(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """What the jobs return, in their order; raises what the first of them that fails raises.

    Jobs must not depend on each other, nor give work away themselves, which would multiply. As many
    run at a time as there are cores for this process, and `MOST` at most.
    """
    with ThreadPoolExecutor(min(MOST, len(os.sched_getaffinity(0)))) as pool:
        return [running.result() for running in [pool.submit(job) for job in jobs]]
