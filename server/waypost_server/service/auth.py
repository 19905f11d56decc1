"""Who may call: found out before a request is read, let alone parsed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE

from waypost_server.core.tokens import Tokens
from waypost_server.service.caller import Caller, Role, set_caller
from waypost_server.service.interceptor import MethodHandler

WHO = "send a valid token as the metadata `authorization: Bearer TOKEN`"
"""For no token, an unknown one and one that has ended alike: which it is helps only a thief."""

_OPEN = f"/{HEALTH_SERVICE}/"
"""Load balancers, and clients that look before they call, have no token."""

_SCHEME = "bearer "
_QUIET_SECONDS = 10.0

NAMED = 3
"""Former tokens that a line names."""

Later = Callable[[float, Callable[[], None]], object]

_log = logging.getLogger(__name__)


class Authentication(grpc.aio.ServerInterceptor):
    """Lets nobody through without a token, and says who it is."""

    def __init__(
        self,
        tokens: Callable[[], Tokens],
        *,
        needed: Role,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        later: Later | None = None,
    ) -> None:
        """Knows nobody itself.

        Args:
            tokens: those that hold now.
            needed: the role that a caller must have; an admin has every role.
            now: tells the time.
            later: calls something after so many seconds; None for the event loop.
        """
        self._tokens = tokens
        self._needed = needed
        self._now = now
        self._refusals = _Refusals(later or _on_loop)
        self._stranger = _refusal(grpc.StatusCode.UNAUTHENTICATED, WHO)
        self._forbidden = _refusal(
            grpc.StatusCode.PERMISSION_DENIED, f"this takes a token with the role {needed}"
        )

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[MethodHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        """Refuses, or hands on to what answers."""
        if handler_call_details.method.startswith(_OPEN):
            return await continuation(handler_call_details)
        secret, now = _secret_in(handler_call_details), self._now()
        token = self._tokens().find(secret, now) if secret else None
        if token is None:
            self._refusals.add(self._tokens().former(secret, now))
            return self._stranger
        if token.role not in (self._needed, Role.ADMIN):
            return self._forbidden
        set_caller(Caller(name=token.name, role=token.role, tenant=token.tenant, rate=token.rate))
        return await continuation(handler_call_details)


class _Refusals:
    """Tells the log of them now and then: whoever tries tokens must not fill the disk."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self._count = 0
        self._former: Counter[str] = Counter()
        self._is_quiet = False

    def add(self, former: str) -> None:
        self._count += 1
        self._former.update([former] if former else ())
        if not self._is_quiet:
            self._tell()

    def _tell(self) -> None:
        """Tells of those since the last line; the last ones too, though nobody comes after them."""
        self._is_quiet = self._count > 0
        if not self._is_quiet:
            return
        _log.warning(
            "calls without a valid token since the last such line: %d%s",
            self._count,
            _whose(self._former),
        )
        self._count = 0
        self._former.clear()
        self._later(_QUIET_SECONDS, self._tell)


def _on_loop(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)


def _whose(former: Counter[str]) -> str:
    """Who should know better: a token that leaked and is tried again looks just like that, too."""
    if not former:
        return ""
    named = ", ".join(f"{name!r} {count}" for name, count in former.most_common(NAMED))
    return f"; with one that was revoked or has ended: {named}"


def _secret_in(details: grpc.HandlerCallDetails) -> str:
    """What a call sends as its token; empty for nothing."""
    sent = [value for key, value in details.invocation_metadata or () if key == "authorization"]
    if len(sent) != 1 or not isinstance(sent[0], str):
        return ""
    if sent[0][: len(_SCHEME)].lower() != _SCHEME:
        return ""
    return sent[0][len(_SCHEME) :].strip()


def _refusal(code: grpc.StatusCode, why: str) -> MethodHandler:
    """Ends a call of any kind with a status, without a look at what was sent."""

    async def refuse(requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(code, why)

    return grpc.stream_stream_rpc_method_handler(refuse)
