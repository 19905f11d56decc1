"""What calls return: frozen and typed. `contract.proto` explains each field."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import json_format

from waypost.v1 import contract_pb2
from waypost_client._names import Named
from waypost_client._specialist import SpecialistRef


class Outcome(Named):
    """What was decided."""

    UNSPECIFIED = "UNSPECIFIED"
    MATCHED = "MATCHED"
    FALLBACK = "FALLBACK"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    AMBIGUOUS = "AMBIGUOUS"
    BLOCKED = "BLOCKED"


class Action(Named):
    """What to do."""

    UNSPECIFIED = "UNSPECIFIED"
    INVOKE = "INVOKE"
    CLARIFY = "CLARIFY"
    REFUSE = "REFUSE"
    RUN_PLAN = "RUN_PLAN"


class Reason(Named):
    """Why."""

    UNSPECIFIED = "UNSPECIFIED"
    ABOVE_THRESHOLD = "ABOVE_THRESHOLD"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    BELOW_MIN_CONFIDENCE = "BELOW_MIN_CONFIDENCE"
    WITHIN_MARGIN = "WITHIN_MARGIN"
    NEAR_NO_ROUTE = "NEAR_NO_ROUTE"
    NO_CANDIDATE = "NO_CANDIDATE"
    ROUTE_NOT_ALLOWED = "ROUTE_NOT_ALLOWED"
    ROUTE_DISABLED = "ROUTE_DISABLED"
    ROUTE_REJECTED = "ROUTE_REJECTED"
    REROUTE_LIMIT = "REROUTE_LIMIT"
    RULE_MATCHED = "RULE_MATCHED"
    RULE_BOOSTED = "RULE_BOOSTED"
    RULE_FORBADE = "RULE_FORBADE"
    STICKY = "STICKY"
    TOPIC_SWITCH = "TOPIC_SWITCH"
    GUARD_FLAGGED = "GUARD_FLAGGED"
    GUARD_BLOCKED = "GUARD_BLOCKED"
    GUARD_UNAVAILABLE = "GUARD_UNAVAILABLE"
    MISSING_PARAMS = "MISSING_PARAMS"
    MULTIPLE_ROUTES = "MULTIPLE_ROUTES"
    MODEL_CONSULTED = "MODEL_CONSULTED"
    NO_ELIGIBLE_MODEL = "NO_ELIGIBLE_MODEL"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    DEGRADED = "DEGRADED"


class Calibration(Named):
    """How `confidence` was made."""

    UNSPECIFIED = "UNSPECIFIED"
    NONE = "NONE"
    CROSS_FITTED = "CROSS_FITTED"
    HELD_OUT = "HELD_OUT"


class Stage(Named):
    """Which stage decided."""

    UNSPECIFIED = "UNSPECIFIED"
    GUARD = "GUARD"
    RULES = "RULES"
    STATIC_ENCODER = "STATIC_ENCODER"
    ENCODER = "ENCODER"
    MODEL = "MODEL"


RECENT_TURNS = 4
"""The user's last turns that a router is told of: it reads only the last few."""


class FlagKind(Named):
    """What the guard found."""

    UNSPECIFIED = "UNSPECIFIED"
    PROMPT_INJECTION = "PROMPT_INJECTION"
    JAILBREAK = "JAILBREAK"
    PERSONAL_DATA = "PERSONAL_DATA"
    SECRET = "SECRET"  # noqa: S105  (a kind of finding)
    ROUTE_MANIPULATION = "ROUTE_MANIPULATION"


class Severity(Named):
    """How much a flag matters."""

    UNSPECIFIED = "UNSPECIFIED"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One thing that the guard found, and where in code points; 0 to 0 is the text as a whole."""

    kind: FlagKind
    start: int
    end: int
    severity: Severity
    detector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What came before a query; travels with it, so that servers keep no state.

    Attributes:
        session_id: your own id of the conversation; empty for none.
        previous_route: where the last query went; empty for the first.
        recent_user_turns: the user's last turns, oldest first, without the query.
    """

    session_id: str = ""
    previous_route: str = ""
    recent_user_turns: tuple[str, ...] = ()

    def then(self, query: str, *, route: str) -> "Conversation":
        """The conversation after one more query, which went to `route`."""
        turns = (*self.recent_user_turns, query)[-RECENT_TURNS:]
        return replace(self, previous_route=route, recent_user_turns=turns)


@dataclass(frozen=True, slots=True)
class NearestExemplar:
    """An exemplar near the query, with its cosine in [-1, 1]."""

    text: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route that was considered."""

    route: str
    confidence: float
    similarity: float
    threshold: float
    score: float
    nearest_exemplars: tuple[NearestExemplar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Advice for the call; None is no advice. `reasoning_effort` is low, medium or high."""

    needs_retrieval: bool | None
    reasoning_effort: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One step of a plan; `depends_on` has the numbers of the steps whose output it needs."""

    step: int
    route: str
    text: str
    depends_on: tuple[int, ...]
    confidence: float
    specialist: SpecialistRef
    extracted_params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where the server's time went, in microseconds."""

    queue_us: int
    encode_us: int
    search_us: int
    decide_us: int
    total_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The handoff contract: what was decided about a query, why, and whom to call."""

    decision_id: str
    outcome: Outcome
    action: Action
    reasons: tuple[Reason, ...]
    route: str
    confidence: float
    calibration: Calibration
    similarity: float
    threshold: float
    extracted_params: Mapping[str, Any]
    missing_params: tuple[str, ...]
    fallback_route: str
    rationale: str
    clarifying_question: str
    candidates: tuple[Candidate, ...]
    specialist: SpecialistRef
    plan: tuple[PlanStep, ...] = ()
    hints: Hints
    flags: tuple[Flag, ...]
    index_version: str
    contract_version: str
    encoder_fingerprint: str
    stage: Stage
    timings: Timings
    durable: bool
    message: contract_pb2.HandoffContract = field(repr=False, compare=False)

    def to_json(self, *, indent: int | None = None) -> str:
        """The contract as JSON with the proto's field names; fits GetContractSchema."""
        return json_format.MessageToJson(
            self.message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            ensure_ascii=False,
            indent=indent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInfo:
    """A loaded route."""

    name: str
    description: str
    threshold: float
    threshold_auto: bool
    exemplar_count: int
    negative_count: int
    enabled: bool
    fallback_route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteList:
    """The loaded routes, by name."""

    routes: tuple[RouteInfo, ...]
    default_route: str
    index_version: str
