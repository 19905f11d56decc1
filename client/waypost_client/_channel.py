"""How both clients connect: balancing, health and retries are gRPC's own, set by data."""

import json
from typing import Any

DEFAULT_TIMEOUT_S = 2.0
"""A decision takes milliseconds; seconds mean that something is wrong."""

_ROUTER = "waypost.v1.RouterService"

SERVICE_CONFIG: dict[str, Any] = {
    # Spreads calls over every address that the name resolves to and leaves out what is not ready.
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": _ROUTER},
    "methodConfig": [
        {
            # Deciding again changes nothing, so a call that no server took may go to another.
            "name": [{"service": _ROUTER}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.max_receive_message_length", 64 * 2**20),  # 256 contracts with all they may hold
    # The shortest that gRPC allows, so that the retries above outlast it: a connection to a process
    # that has just died may be refused once, and a second of gRPC's own would refuse calls as long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # By itself gRPC waits up to two minutes: a replica that comes back would idle as long.
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


def options_of(connections: int) -> list[list[tuple[str, Any]]]:
    """The options of each of so many channels; raises ValueError for none."""
    if connections < 1:
        raise ValueError(f"connections is {connections}; at least 1 is needed")
    # Channels of equal options to one address share a connection, unless each has its own pool.
    own_pool = [("grpc.use_local_subchannel_pool", 1)] if connections > 1 else []
    return [_OPTIONS + own_pool for _ in range(connections)]
