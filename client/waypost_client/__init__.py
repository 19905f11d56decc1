"""Waypost's client: asks a router which specialist answers a query.

    with waypost_client.Client("127.0.0.1:50051") as client:
        contract = client.route("Why does this test fail only in CI?")
        print(contract.route, contract.rationale)

`AsyncClient` has the same methods for asyncio. `AdminClient` and `AsyncAdminClient` are for
operators, at the server's admin port. The raw stubs are in `waypost.v1`.
"""

from waypost_client._admin import AdminClient
from waypost_client._admin_aio import AsyncAdminClient
from waypost_client._admin_types import (
    BuildPhase,
    BuildProgress,
    DecisionLogStatus,
    IndexVersion,
    ModelStatus,
    RouteOutcomes,
    Status,
    Switch,
    Switched,
)
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
from waypost_client._tls import Tls
from waypost_client._types import (
    Action,
    Calibration,
    Candidate,
    Contract,
    Conversation,
    Flag,
    FlagKind,
    Hints,
    NearestExemplar,
    Outcome,
    PlanStep,
    Reason,
    RouteInfo,
    RouteList,
    Severity,
    Stage,
    Timings,
)

__all__ = [
    "Action",
    "AdminClient",
    "AsyncAdminClient",
    "AsyncClient",
    "AttemptRole",
    "AuthenticationError",
    "Breaker",
    "BuildPhase",
    "BuildProgress",
    "Calibration",
    "Candidate",
    "Client",
    "Contract",
    "Conversation",
    "DeadlineExceededError",
    "DecisionLogStatus",
    "DispatchPolicy",
    "ExcludedModel",
    "FailedPreconditionError",
    "Feedback",
    "Flag",
    "FlagKind",
    "GuardAction",
    "Hints",
    "IndexVersion",
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
    "PlanStep",
    "Reason",
    "Reported",
    "RouteInfo",
    "RouteList",
    "RouteOutcomes",
    "Sampling",
    "Severity",
    "ShadowCandidate",
    "Specialist",
    "SpecialistOutcome",
    "SpecialistRef",
    "Stage",
    "Status",
    "Switch",
    "Switched",
    "Timeouts",
    "Timings",
    "Tls",
    "UnavailableError",
    "WaypostError",
]
