"""Queries that end without an answer, for whoever must say later why."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from waypost_server.core.errors import LaterError
from waypost_server.core.query import MAX_ID_BYTES
from waypost_server.service.caller import Caller, current_caller
from waypost_server.service.status import STATUS_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A query that got no answer.

    Attributes:
        request_id: the caller's own id, its first `MAX_ID_BYTES`; empty for none.
        tenant: on whose behalf, as the request says, likewise.
        caller: who asked.
        code: the gRPC status that it ended with.
        error: what was wrong: the name of an error's class. Its text may quote the request.
    """

    request_id: str
    tenant: str
    caller: Caller
    code: str
    error: str


class Failures:
    """Tells of them one by one; not of those that are refused because there are too many.

    Of these `Refusals` tells, some at a time: a flood must not fill the disk.
    """

    def __init__(self, tell: Callable[[Failed], None] | None = None) -> None:
        """Tells nobody unless it knows whom."""
        self._tell = tell

    @contextmanager
    def of(
        self, request_id: str, tenant: str, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Iterator[None]:
        """Around all that is done for one query; what is raised goes on as it is."""
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            if self._tell and not isinstance(error, LaterError):
                self._tell(
                    Failed(
                        request_id=_clipped(request_id),
                        tenant=_clipped(tenant),
                        caller=current_caller(),
                        code=_code_of(error, context.time_remaining()),
                        error=type(error).__name__,
                    )
                )
            raise


def _clipped(name: str) -> str:
    """Its first bytes: one that is too long is refused, and must not fill the disk all the same."""
    return name[:MAX_ID_BYTES].encode()[:MAX_ID_BYTES].decode(errors="ignore")


def _code_of(error: BaseException, left_s: float | None) -> str:
    if isinstance(error, asyncio.CancelledError):  # the caller has gone, or its deadline passed
        return "DEADLINE_EXCEEDED" if left_s is not None and left_s <= 0 else "CANCELLED"
    code = STATUS_OF.get(type(error), grpc.StatusCode.INTERNAL)  # type: ignore[arg-type]
    return code.name
