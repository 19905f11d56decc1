"""Waypost's client: asks a router which specialist answers a query.

    with waypost_client.Client("127.0.0.1:50051") as client:
        contract = client.route("Why does this test fail only in CI?")
        print(contract.route, contract.rationale)

`AsyncClient` has the same methods for asyncio. The raw stubs are in `waypost.v1`.
"""

from waypost_client._aio import AsyncClient
from waypost_client._errors import (
    AuthenticationError,
    DeadlineExceededError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    NotImplementedByServerError,
    OverloadedError,
    PermissionDeniedError,
    UnavailableError,
    WaypostError,
)
from waypost_client._sync import Client
from waypost_client._types import (
    Action,
    Calibration,
    Candidate,
    Contract,
    Conversation,
    ExcludedModel,
    Hints,
    Model,
    NearestExemplar,
    Outcome,
    Reason,
    RouteInfo,
    RouteList,
    Sampling,
    Specialist,
    SpecialistRef,
    Stage,
    Status,
    Timeouts,
    Timings,
)

__all__ = [
    "Action",
    "AsyncClient",
    "AuthenticationError",
    "Calibration",
    "Candidate",
    "Client",
    "Contract",
    "Conversation",
    "DeadlineExceededError",
    "ExcludedModel",
    "Hints",
    "InternalError",
    "InvalidRequestError",
    "Model",
    "NearestExemplar",
    "NotFoundError",
    "NotImplementedByServerError",
    "Outcome",
    "OverloadedError",
    "PermissionDeniedError",
    "Reason",
    "RouteInfo",
    "RouteList",
    "Sampling",
    "Specialist",
    "SpecialistRef",
    "Stage",
    "Status",
    "Timeouts",
    "Timings",
    "UnavailableError",
    "WaypostError",
]
