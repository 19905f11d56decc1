"""How much the server takes on."""

import os
from typing import Annotated

from pydantic import BaseModel, Field, PositiveInt

from waypost_server.settings.fields import RELOADED


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
        description=(
            "Queries that may wait or run at a time in each process; more are refused. Under "
            "overload fewer may."
        ),
        json_schema_extra=RELOADED,
    )
    patience_ms: Annotated[float, Field(gt=0, le=60_000)] = Field(
        500.0,
        description=(
            "A wait that proves overload, in milliseconds; before, queries may wait as they come."
        ),
        json_schema_extra=RELOADED,
    )
    delay_ms: Annotated[float, Field(gt=0, le=60_000)] = Field(
        5.0,
        description=(
            "How long queries wait under overload, on average, in milliseconds: as many are let "
            "in, and the others refused."
        ),
        json_schema_extra=RELOADED,
    )
    pending_calls: PositiveInt = Field(
        64,
        description=(
            "Calls of a kind that gRPC holds until a process gets to them; of more it cancels some "
            "(CANCELLED), and all beyond twice as many. More for callers that ask hundreds at once "
            "and cannot try again, fewer to be quick under a flood."
        ),
    )
    degraded: bool = Field(
        False,
        description=(
            "Whether queries are decided by the static encoder alone, sure or not, where they "
            "would be refused after a second of overload."
        ),
        json_schema_extra=RELOADED,
    )
