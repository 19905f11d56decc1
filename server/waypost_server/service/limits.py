"""What a connection may carry, and how long an idle or a silent one is kept."""

from typing import Any

HANDSHAKE_MS = 10_000
"""For TLS and HTTP/2 to begin; gRPC itself waits 2 minutes for a connection that says nothing."""

IDLE_MS = 15 * 60_000
"""Without a call, until a connection is closed; who watches health has a call."""

SILENT_MS, ANSWER_MS = 60_000, 20_000
"""Until a connection on which nothing comes is asked whether anybody is there, and until it must
have answered: what a vanished host held is given back."""

MOST_PINGS, PING_MS = 2, 10_000
"""Pings that come faster than this are counted, and after so many the connection ends."""


def limit_options(
    *, max_connections: int, max_streams: int, max_metadata_bytes: int
) -> list[tuple[str, Any]]:
    """GRPC's options for a port.

    Args:
        max_connections: at a time; the next one is closed at once.
        max_streams: calls under way on a connection; clients know, and wait with the next one, but
            gRPC counts calls that have just ended, too, and refuses some that come in their place.
        max_metadata_bytes: of a call's metadata, as HPACK counts it; more ends the call.
    """
    return [
        ("grpc.max_allowed_incoming_connections", max_connections),
        ("grpc.max_concurrent_streams", max_streams),
        ("grpc.max_metadata_size", max_metadata_bytes),
        # Between the two gRPC refuses by chance.
        ("grpc.absolute_max_metadata_size", max_metadata_bytes),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", IDLE_MS),
        ("grpc.keepalive_time_ms", SILENT_MS),
        ("grpc.keepalive_timeout_ms", ANSWER_MS),
        ("grpc.http2.max_ping_strikes", MOST_PINGS),
        ("grpc.http2.min_ping_interval_without_data_ms", PING_MS),
    ]
