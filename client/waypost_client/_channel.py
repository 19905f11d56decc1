"""How both clients connect: balancing, health and retries are gRPC's own, set by data."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import grpc

from waypost_client._tls import Tls, TokenChannel, credentials_of, tls_options

AnyChannel = TypeVar("AnyChannel", grpc.Channel, grpc.aio.Channel)

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
                # CANCELLED: a server that had no time to refuse; after a moment's burst it has.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ],
    # Retries must not feed a flood: gRPC stops them once failures outnumber successes by half of
    # these, which a replica's end with a few hundred calls under way does not.
    "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1.0},
}

_CONNECTING: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", 64 * 2**20),  # 256 contracts with all they may hold
    # The shortest that gRPC allows, so that the retries above outlast it: a connection to a process
    # that has just died may be refused once, and a second of gRPC's own would refuse calls as long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # By itself gRPC waits up to two minutes: a replica that comes back would idle as long.
    ("grpc.max_reconnect_backoff_ms", 5_000),
]
_OPTIONS = [("grpc.service_config", json.dumps(SERVICE_CONFIG)), *_CONNECTING]

# No retries: some of these calls change something. No health either: operators look at what is ill.
# A connection of each client's own, since it may lead to another process than the last one.
ADMIN_OPTIONS = [
    *_CONNECTING,
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


def options_of(connections: int) -> list[list[tuple[str, Any]]]:
    """The options of each of so many channels; raises ValueError for none."""
    if connections < 1:
        raise ValueError(f"connections is {connections}; at least 1 is needed")
    # Channels of equal options to one address share a connection, unless each has its own pool.
    own_pool = [("grpc.use_local_subchannel_pool", 1)] if connections > 1 else []
    return [_OPTIONS + own_pool for _ in range(connections)]


def sync_channel(address: str, tls: Tls | None, options: Sequence[tuple[str, Any]]) -> grpc.Channel:
    """A channel for threads."""
    if tls is None:
        return grpc.insecure_channel(address, options=options)
    options = [*options, *tls_options(tls)]
    return grpc.secure_channel(address, credentials_of(tls), options=options)


def aio_channel(
    address: str, tls: Tls | None, options: Sequence[tuple[str, Any]]
) -> grpc.aio.Channel:
    """A channel for asyncio."""
    if tls is None:
        return grpc.aio.insecure_channel(address, options=options)
    options = [*options, *tls_options(tls)]
    return grpc.aio.secure_channel(address, credentials_of(tls), options=options)


def with_token(channel: AnyChannel, token: str) -> AnyChannel:
    """What a stub is made on, so that its calls carry the token; the channel itself without one."""
    return cast(AnyChannel, TokenChannel(channel, token)) if token else channel
