"""What can be decided, and why, as enums: none of it is an error."""

from enum import StrEnum


class Outcome(StrEnum):
    """What was decided; none of these is an error."""

    MATCHED = "MATCHED"
    FALLBACK = "FALLBACK"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    AMBIGUOUS = "AMBIGUOUS"


class Stage(StrEnum):
    """What decided."""

    RULES = "RULES"
    STATIC_ENCODER = "STATIC_ENCODER"
    ENCODER = "ENCODER"


class Action(StrEnum):
    """What the client should do."""

    INVOKE = "INVOKE"
    CLARIFY = "CLARIFY"


class Reason(StrEnum):
    """Why."""

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
    NO_ELIGIBLE_MODEL = "NO_ELIGIBLE_MODEL"
    DEGRADED = "DEGRADED"
