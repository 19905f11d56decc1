"""Where a server listens, and what its connections may cost."""

from collections.abc import Sequence
from dataclasses import dataclass

Option = tuple[str, int]

PENDING = 64
"""Calls of a method that gRPC holds until the server takes them. Beyond, it cancels some, and all
beyond twice as many, without a word but CANCELLED, and much cheaper than Python can refuse one.
Each that is held costs those behind it its own time, and nobody here can see how long they wait: at
1,000, a flood of ten times the capacity was answered after seconds, at 64 after half of one."""

NEVER_MS = 2**31 - 1
"""What gRPC takes for no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Both ports'.

    Attributes:
        address: where callers are answered, HOST:PORT; port 0 picks a free one.
        admin_address: where operators are.
        max_message_bytes: largest request.
        shares_port: whether other processes listen there too.
        connection_age_seconds: after which a connection ends once its calls have; 0 for never.
        pending_calls: calls of a method that gRPC holds until they are taken.
    """

    address: str
    admin_address: str
    max_message_bytes: int
    shares_port: bool = False
    connection_age_seconds: float = 0.0
    pending_calls: int = PENDING

    @property
    def options(self) -> Sequence[Option]:
        """In gRPC's words."""
        return (
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.server.max_pending_requests", self.pending_calls),
            ("grpc.server.max_pending_requests_hard_limit", 2 * self.pending_calls),
            # Calls under way end as they would: the grace is as long as they take.
            ("grpc.max_connection_age_ms", round(self.connection_age_seconds * 1e3) or NEVER_MS),
            # On by default: a second server would silently share the port.
            ("grpc.so_reuseport", int(self.shares_port)),
        )
