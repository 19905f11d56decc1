"""How a server's ports are opened, and who gets in."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from waypost_server.core.tokens import Role, Tokens
from waypost_server.service.auth import Authentication
from waypost_server.service.tenancy import Tenancy


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Both ports'.

    Attributes:
        credentials: makes a port's, for TLS; None to do without.
        tokens: those that hold now; None to let everybody in.
        tenancy: lets queries in.
        options: further ones of gRPC's.
    """

    credentials: Callable[[], grpc.ServerCredentials] | None = None
    tokens: Callable[[], Tokens] | None = None
    tenancy: Tenancy = field(default_factory=lambda: Tenancy(time.monotonic))
    options: Sequence[tuple[str, Any]] = ()

    def interceptors(self, needed: Role) -> list[grpc.aio.ServerInterceptor]:
        """What a call passes first, on the port of those with a role."""
        return [] if self.tokens is None else [Authentication(self.tokens, needed=needed)]

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        """Listens; the port. Raises RuntimeError when that cannot be."""
        if self.credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, self.credentials())
