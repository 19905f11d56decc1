"""Errors as gRPC statuses: one table, read by every call."""

import logging

import grpc

from waypost_server.core.errors import (
    InvalidQueryError,
    OverloadedError,
    TooLateError,
    UnavailableError,
    UnknownRouteError,
    UnknownShadowError,
    WaypostError,
)
from waypost_server.service.ids import new_decision_id

STATUS_OF: dict[type[WaypostError], grpc.StatusCode] = {
    InvalidQueryError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownRouteError: grpc.StatusCode.NOT_FOUND,
    UnknownShadowError: grpc.StatusCode.NOT_FOUND,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooLateError: grpc.StatusCode.DEADLINE_EXCEEDED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
}

MAX_MESSAGE = 2_000
"""Characters of a message: it travels in a trailer, which gRPC refuses beyond 16 kB."""

_log = logging.getLogger(__name__)


def trailers_of(error: Exception) -> tuple[tuple[str, str], ...]:
    """What goes beside the status: when to come again, by gRPC's own name and by a plain one."""
    if not isinstance(error, OverloadedError) or error.retry_after_ms is None:
        return ()
    after = str(error.retry_after_ms)
    return (("grpc-retry-pushback-ms", after), ("retry-after-ms", after))


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The code and the message that a caller gets for `error`.

    An error that is not in the table is a bug of ours. Its text may hold anything, so the caller
    gets a fixed one with an id, and the log gets the rest under the same id.
    """
    code = STATUS_OF.get(type(error))  # type: ignore[arg-type]
    if code is not None:
        return code, str(error)[:MAX_MESSAGE]
    incident = new_decision_id()
    _log.error("incident %s", incident, exc_info=error)
    return grpc.StatusCode.INTERNAL, f"internal error; quote incident {incident} to the operator"
