"""Every metric: its name, kind, labels, buckets and meaning. Dashboard, alerts and docs follow it.

No label holds a query, an answer or a secret. Labels whose values callers choose are bounded:
beyond so many values the rest is counted as OTHER.
"""

from dataclasses import dataclass
from enum import StrEnum

OTHER = "other"
"""Stands for all values of a label beyond its bound."""

UNKNOWN = "unknown"
"""Stands for a value that this process cannot know."""

MAX_ROUTES = 500
"""Values of `route`: more make a scrape of megabytes; the shipped benchmark's largest taxonomy
that people wrote has 151."""

MAX_MODELS = 200
"""Values of `model`: reports may name any."""

MAX_ERRORS = 50
"""Values of `error`: our dispatcher has 16 kinds, another client may have its own."""


class Kind(StrEnum):
    """How a metric counts."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """How the values of a gauge become one where several processes share the port."""

    SUM = "livesum"
    MAX = "livemax"
    MIN = "livemin"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as it is exported; of a histogram, without `_bucket`, `_sum` and `_count`.
        kind: how it counts.
        meaning: for operators.
        labels: in their order.
        buckets: upper bounds of a histogram's buckets, without the infinite one.
        across: how a gauge's values become one.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    across: Across = Across.SUM


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str, across: Across = Across.SUM) -> Metric:
    return Metric(name, Kind.GAUGE, meaning, labels, across=across)


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(name, Kind.HISTOGRAM, meaning, labels, buckets)


_UNIT = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""For what lies in [0, 1]; 0.75 is the confidence that a match needs by default."""

_DECISION_S = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Around what a decision takes: 0.3 ms by the first stage, 2 to 4 ms by the transformer."""

_CALL_S = (5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Up to a batch's; 2 s is the client's default limit."""

_MODEL_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""What a language model takes; 60 s is the dispatcher's limit for a whole answer."""

_LAG_S = (1e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)

# Routing
DECISIONS = _counter(
    "waypost_decisions_total",
    "Decisions, by the route that the query goes to, the outcome, and the stage that decided.",
    "route",
    "outcome",
    "stage",
)
REASONS = _counter(
    "waypost_decision_reasons_total",
    "Reasons that decisions carry, by the route that the query goes to; a decision has several.",
    "route",
    "reason",
)
REROUTES = _counter(
    "waypost_reroutes_total", "Decisions that take the place of one that a specialist rejected."
)
CONFIDENCE = _histogram(
    "waypost_decision_confidence",
    "Confidence that the best candidate is right, by that candidate's route.",
    "route",
    buckets=_UNIT,
)
SIMILARITY = _histogram(
    "waypost_decision_similarity",
    "Similarity of query and nearest exemplar, by the best candidate's route; below 0 counts as 0.",
    "route",
    buckets=_UNIT,
)
DECISION_SECONDS = _histogram(
    "waypost_decision_seconds",
    "Where a decision's time went: step is queue, encode, search, decide or total; a step that was "
    "not needed is not counted.",
    "step",
    "stage",
    buckets=_DECISION_S,
)

# Reported outcomes
REPORTS = _counter(
    "waypost_reports_total",
    "What specialists did, as clients reported, by the specialist's route; repeats not counted.",
    "route",
    "outcome",
)
FEEDBACK = _counter("waypost_feedback_total", "What users thought of answers.", "feedback")
JUDGED = _counter(
    "waypost_judged_decisions_total",
    "Decisions of which a report says whether the best candidate was right, by confidence: bin is "
    "the lower bound of a tenth.",
    "bin",
)
JUDGED_CONFIDENCE = _counter(
    "waypost_judged_confidence_total", "Sum of those decisions' confidences.", "bin"
)
JUDGED_CORRECT = _counter(
    "waypost_judged_correct_total", "Those of them whose best candidate was right.", "bin"
)
UNJOINED = _counter(
    "waypost_reports_unjoined_total",
    "Reports about decisions that the process that heard them does not remember: another's, or not "
    "among its last 100,000. They are in no waypost_judged_* metric, and their tenant is unknown.",
)

# Models
ATTEMPTS = _counter(
    "waypost_model_attempts_total",
    "Calls of models, as clients reported; error is the kind of failure, none for an answer.",
    "model",
    "error",
)
MODEL_SECONDS = _histogram(
    "waypost_model_seconds",
    "How long models took that answered, as clients reported.",
    "model",
    buckets=_MODEL_S,
)
FIRST_TOKEN_SECONDS = _histogram(
    "waypost_model_first_token_seconds",
    "How long they took to the first token, where the answer was streamed.",
    "model",
    buckets=_MODEL_S,
)
TOKENS = _counter(
    "waypost_model_tokens_total",
    "Tokens, as clients reported; direction is input or output.",
    "model",
    "direction",
)
COST = _counter(
    "waypost_cost_usd_total",
    "What calls of models cost, in US dollars, as clients reported, by the decision's tenant.",
    "tenant",
    "model",
)
LEFT_OUT = _gauge(
    "waypost_model_left_out",
    "1 while contracts leave a model out, because a client's circuit breaker for it is open.",
    "model",
    across=Across.MAX,
)
SWITCHED_OFF = _gauge(
    "waypost_switched_off",
    "1 while a route or a model is switched off; kind is route or model.",
    "kind",
    "name",
    across=Across.MAX,
)

# Calls and capacity
RPC_SECONDS = _histogram(
    "waypost_rpc_seconds",
    "How long calls took in the server, by method and status code; a stream, to its end.",
    "method",
    "code",
    buckets=_CALL_S,
)
QUEUE_DEPTH = _gauge("waypost_queue_depth", "Queries that wait for an encoder now.")
RUNNING = _gauge("waypost_queries_running", "Queries that encoders have now.")
LIMIT = _gauge("waypost_concurrency_limit", "Queries that may wait or run at a time now.")
REFUSED = _counter(
    "waypost_refused_total",
    "Queries refused because the server was overloaded, or their tenant had had its share.",
)
DEGRADED = _gauge(
    "waypost_degraded",
    "Processes that decide by their cheap stages alone, because they are overloaded.",
)
LOOP_LAG = _histogram(
    "waypost_event_loop_lag_seconds",
    "How late the event loop ran what was due, twice a second.",
    buckets=_LAG_S,
)

# Records
LOG_RECORDS = _counter(
    "waypost_decision_log_records_total",
    "Decisions and reports for the decision log; result is written or dropped.",
    "result",
)
LOG_WAITING = _gauge("waypost_decision_log_waiting", "Records that wait to be written.")

# Bundles
BUNDLE = _gauge(
    "waypost_bundle_info",
    "Processes that serve a bundle.",
    "index_version",
    "encoder_fingerprint",
)
BUNDLE_BUILT = _gauge(
    "waypost_bundle_built_timestamp_seconds",
    "When the live bundle was built, since 1970; 0 for unknown.",
    across=Across.MIN,
)
BUNDLE_LIVE = _gauge(
    "waypost_bundle_live_timestamp_seconds",
    "When the live bundle went live, since 1970.",
    across=Across.MAX,
)
ROUTES = _gauge("waypost_routes", "Loaded routes.", across=Across.MAX)
EXEMPLARS = _gauge("waypost_exemplars", "Loaded exemplars.", across=Across.MAX)
RELOADS = _counter("waypost_reloads_total", "Bundles that went live while the server ran.")
REFUSED_BUNDLE = _gauge(
    "waypost_bundle_refused",
    "1 while the newest bundle is not live, because it was refused.",
    across=Across.MAX,
)

# The process
SERVING = _gauge("waypost_serving", "Processes that answer queries.")
STARTED = _gauge(
    "waypost_start_timestamp_seconds",
    "When the oldest process began, since 1970.",
    across=Across.MIN,
)
VERSION = _gauge(
    "waypost_version_info", "Processes of a version of Waypost.", "version", "contract_version"
)
CERTIFICATE = _gauge(
    "waypost_certificate_expiry_timestamp_seconds",
    "When the server's certificate expires, since 1970; 0 for none.",
    across=Across.MIN,
)
RESIDENT = _gauge("waypost_resident_bytes", "Resident memory; pages that are shared count twice.")
CPU = _counter("waypost_cpu_seconds_total", "CPU time.")
COLLECTIONS = _counter(
    "waypost_gc_collections_total", "Runs of Python's garbage collector.", "generation"
)

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All of them, in the order of this file."""


def metrics_table() -> str:
    """All metrics in Markdown, for the docs."""
    rows = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    rows += [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.meaning} |"
        for metric in METRICS
    ]
    return "\n".join(rows)
