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
    FailedPreconditionError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    NotImplementedByServerError,
    OverloadedError,
    PermissionDeniedError,
    UnavailableError,
    WaypostError,
)
from waypost_client._policy import (
    Breaker,
    DispatchPolicy,
    GuardAction,
    Judge,
    OutputChecks,
    OutputGuard,
    ParallelPolicy,
    Pattern,
    Pick,
    ShadowCandidate,
)
from waypost_client._report import (
    AttemptRole,
    Feedback,
    ModelAttempt,
    Reported,
    SpecialistOutcome,
)
from waypost_client._specialist import (
    ExcludedModel,
    Model,
    Sampling,
    Specialist,
    SpecialistRef,
    Timeouts,
)
from waypost_client._sync import Client
from waypost_client._types import (
    Action,
    Calibration,
    Candidate,
    Contract,
    Conversation,
    Hints,
    ModelStatus,
    NearestExemplar,
    Outcome,
    Reason,
    RouteInfo,
    RouteList,
    RouteOutcomes,
    Stage,
    Status,
    Timings,
)

__all__ = [
    "Action",
    "AsyncClient",
    "AttemptRole",
    "AuthenticationError",
    "Breaker",
    "Calibration",
    "Candidate",
    "Client",
    "Contract",
    "Conversation",
    "DeadlineExceededError",
    "DispatchPolicy",
    "ExcludedModel",
    "FailedPreconditionError",
    "Feedback",
    "GuardAction",
    "Hints",
    "InternalError",
    "InvalidRequestError",
    "Judge",
    "Model",
    "ModelAttempt",
    "ModelStatus",
    "NearestExemplar",
    "NotFoundError",
    "NotImplementedByServerError",
    "Outcome",
    "OutputChecks",
    "OutputGuard",
    "OverloadedError",
    "ParallelPolicy",
    "Pattern",
    "PermissionDeniedError",
    "Pick",
    "Reason",
    "Reported",
    "RouteInfo",
    "RouteList",
    "RouteOutcomes",
    "Sampling",
    "ShadowCandidate",
    "Specialist",
    "SpecialistOutcome",
    "SpecialistRef",
    "Stage",
    "Status",
    "Timeouts",
    "Timings",
    "UnavailableError",
    "WaypostError",
]
