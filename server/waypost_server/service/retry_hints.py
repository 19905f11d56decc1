"""When a refused call is welcome again, as trailers."""

import math

from waypost_server.core.errors import LaterError

PUSHBACK = "grpc-retry-pushback-ms"
"""Heeded by gRPC's own retries."""

RETRY_AFTER = "retry-after-ms"
"""For everybody else: what gRPC heeds, it does not show."""

Trailers = tuple[tuple[str, str], ...]


def retry_trailers(seconds: float) -> Trailers:
    """Says that a call is welcome again after so long."""
    milliseconds = str(max(1, math.ceil(seconds * 1000)))
    return ((PUSHBACK, milliseconds), (RETRY_AFTER, milliseconds))


def hints_of(error: Exception) -> Trailers:
    """The trailers for an error that knows when; none for others."""
    if not isinstance(error, LaterError) or error.retry_after_s is None:
        return ()
    return retry_trailers(error.retry_after_s)
