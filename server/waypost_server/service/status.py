"""Errors as gRPC statuses: one table, read by every call."""

import logging

import grpc

from waypost_server.core.errors import (
    ActivationError,
    BuildRunningError,
    ForbiddenError,
    InvalidQueryError,
    OverloadedError,
    RateLimitedError,
    SharedStateError,
    SwitchRefusedError,
    TooLateError,
    UnavailableError,
    UnknownModelError,
    UnknownRouteError,
    UnknownShadowError,
    UnknownVersionError,
    WaypostError,
)
from waypost_server.service.ids import new_decision_id

STATUS_OF: dict[type[WaypostError], grpc.StatusCode] = {
    InvalidQueryError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownRouteError: grpc.StatusCode.NOT_FOUND,
    UnknownModelError: grpc.StatusCode.NOT_FOUND,
    UnknownShadowError: grpc.StatusCode.NOT_FOUND,
    ForbiddenError: grpc.StatusCode.PERMISSION_DENIED,
    RateLimitedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    SwitchRefusedError: grpc.StatusCode.FAILED_PRECONDITION,
    SharedStateError: grpc.StatusCode.UNAVAILABLE,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooLateError: grpc.StatusCode.DEADLINE_EXCEEDED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
    UnknownVersionError: grpc.StatusCode.NOT_FOUND,
    ActivationError: grpc.StatusCode.FAILED_PRECONDITION,
    BuildRunningError: grpc.StatusCode.FAILED_PRECONDITION,
}

MAX_MESSAGE = 2_000
"""Characters of a message: it travels in a trailer, which gRPC refuses beyond 16 kB."""

_log = logging.getLogger(__name__)


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The code and the message that a caller gets for `error`.

    An error that is not in the table is a bug of ours. Its text may hold anything, so the caller
    gets a fixed one with an id, and the log gets the rest under the same id.
    """
    code = STATUS_OF.get(type(error))  # type: ignore[arg-type]
    if code is not None:
        return code, str(error)[:MAX_MESSAGE]
    incident = new_decision_id()
    _log.error("incident %s", incident, exc_info=error, extra={"fields": {"incident": incident}})
    return grpc.StatusCode.INTERNAL, f"internal error; quote incident {incident} to the operator"
