"""What can go wrong in a call: one class a status, in one table."""

from collections.abc import Iterable
from typing import Any

import grpc


class WaypostError(Exception):
    """The root of all errors that a call can end with.

    Attributes:
        code: the gRPC status.
        details: the server's own words.
    """

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


class InvalidRequestError(WaypostError):
    """The request breaks a limit; change it before trying again."""


class NotFoundError(WaypostError):
    """A route or decision of that name is not there."""


class FailedPreconditionError(WaypostError):
    """Something else must change before the server can do this; `details` says what."""


class OverloadedError(WaypostError):
    """The server has no room; try again later.

    Attributes:
        retry_after_s: how long the server asks to wait before; None where it did not say.
    """

    retry_after_s: float | None = None


class UnavailableError(WaypostError):
    """No server answered, after the client's own retries."""


class DeadlineExceededError(WaypostError):
    """The answer did not come in time."""


class AuthenticationError(WaypostError):
    """The token is missing or wrong."""


class PermissionDeniedError(WaypostError):
    """The token does not allow this call."""


class NotImplementedByServerError(WaypostError):
    """The server does not have this call yet."""


class InternalError(WaypostError):
    """A bug in the server; its log has the incident that `details` names."""


ERROR_OF: dict[grpc.StatusCode, type[WaypostError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNIMPLEMENTED: NotImplementedByServerError,
    grpc.StatusCode.INTERNAL: InternalError,
}


DROPPED = grpc.StatusCode.CANCELLED
"""How gRPC in the server ends calls of which there are more than the server can even refuse."""

RETRY_AFTER = "retry-after-ms"

Trailers = Iterable[Any]
"""Names and values; gRPC's own types for them differ between its two sides."""


def error_of(
    code: grpc.StatusCode, details: str | None, trailers: Trailers | None = None
) -> WaypostError:
    """The error for a status; the root class for statuses without one of their own."""
    kind = OverloadedError if code is DROPPED else ERROR_OF.get(code, WaypostError)
    error = kind(code, details or "no details")
    if isinstance(error, OverloadedError):
        error.retry_after_s = _retry_after(trailers or ())
    return error


def _retry_after(trailers: Trailers) -> float | None:
    said = next((value for name, value in trailers if name == RETRY_AFTER), None)
    # More digits are no time that anybody waits, and more than an int or a float may have.
    return int(said) / 1e3 if said is not None and said.isdigit() and len(said) <= 10 else None


def error_of_number(number: int, details: str) -> WaypostError:
    """The error for a status given by its number, as in a batch's result."""
    codes = {code.value[0]: code for code in grpc.StatusCode}
    return error_of(codes.get(number, grpc.StatusCode.UNKNOWN), details)
