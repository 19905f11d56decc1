"""How much the server takes on."""

import os
from typing import Annotated

from pydantic import BaseModel, Field, PositiveInt


class Capacity(BaseModel):
    """Processes, threads and queues."""

    processes: Annotated[int, Field(ge=1, le=256)] = Field(
        1,
        description=(
            "Server processes that share the port, each with an encoder, cache and queue of its "
            "own; callers need several connections each to use them."
        ),
    )
    workers: PositiveInt = Field(
        default_factory=lambda known: max(
            1, len(os.sched_getaffinity(0)) // known.get("processes", 1) - 1
        ),
        description="Threads that encode in each process; best is one a core, less one for calls.",
    )
    queue_capacity: PositiveInt = Field(
        1024,
        description="Queries that may wait or run at a time in each process; more are refused.",
    )
