"""Every metric. Dashboard, alerts and docs follow it.

No label holds a query, an answer or a secret. Labels whose values callers choose are bounded:
beyond so many values the rest is counted as OTHER.
"""

from waypost_server.core.metric import Across, Metric, counter, gauge, histogram

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


_UNIT = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""For what lies in [0, 1]; 0.75 is the confidence that a match needs by default."""

_DECISION_S = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Around what a decision takes: 0.3 ms by the first stage, 2 to 4 ms by the transformer."""

_CALL_S = (5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Up to a batch's; 2 s is the client's default limit."""

_MODEL_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""What a language model takes; 60 s is the dispatcher's limit for a whole answer."""

_CONSULTATION_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""From a small model that names a route to the longest deadline that taxonomy.yaml may give."""

_LAG_S = (1e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)

# Routing
DECISIONS = counter(
    "waypost_decisions_total",
    "Decisions, by the route that the query goes to, the outcome, and the stage that decided.",
    "route",
    "outcome",
    "stage",
)
REASONS = counter(
    "waypost_decision_reasons_total",
    "Reasons that decisions carry, by the route that the query goes to; a decision has several.",
    "route",
    "reason",
)
REROUTES = counter(
    "waypost_reroutes_total", "Decisions that take the place of one that a specialist rejected."
)
CONFIDENCE = histogram(
    "waypost_decision_confidence",
    "Confidence that the best candidate is right, by that candidate's route.",
    "route",
    buckets=_UNIT,
)
SIMILARITY = histogram(
    "waypost_decision_similarity",
    "Similarity of query and nearest exemplar, by the best candidate's route; below 0 counts as 0.",
    "route",
    buckets=_UNIT,
)
DECISION_SECONDS = histogram(
    "waypost_decision_seconds",
    "Where a decision's time went: step is queue, encode, search, decide or total; a step that was "
    "not needed is not counted.",
    "step",
    "stage",
    buckets=_DECISION_S,
)

# Reported outcomes
REPORTS = counter(
    "waypost_reports_total",
    "What specialists did, as clients reported, by the specialist's route; repeats not counted.",
    "route",
    "outcome",
)
FEEDBACK = counter("waypost_feedback_total", "What users thought of answers.", "feedback")
JUDGED = counter(
    "waypost_judged_decisions_total",
    "Decisions of which a report says whether the best candidate was right, by confidence: bin is "
    "the lower bound of a tenth.",
    "bin",
)
JUDGED_CONFIDENCE = counter(
    "waypost_judged_confidence_total", "Sum of those decisions' confidences.", "bin"
)
JUDGED_CORRECT = counter(
    "waypost_judged_correct_total", "Those of them whose best candidate was right.", "bin"
)
UNJOINED = counter(
    "waypost_reports_unjoined_total",
    "Reports about decisions that the process that heard them does not remember: another's, or not "
    "among its last 100,000. They are in no waypost_judged_* metric, and their tenant is unknown.",
)

# Models
ATTEMPTS = counter(
    "waypost_model_attempts_total",
    "Calls of models, as clients reported; error is the kind of failure, none for an answer.",
    "model",
    "error",
)
MODEL_SECONDS = histogram(
    "waypost_model_seconds",
    "How long models took that answered, as clients reported.",
    "model",
    buckets=_MODEL_S,
)
FIRST_TOKEN_SECONDS = histogram(
    "waypost_model_first_token_seconds",
    "How long they took to the first token, where the answer was streamed.",
    "model",
    buckets=_MODEL_S,
)
TOKENS = counter(
    "waypost_model_tokens_total",
    "Tokens, as clients reported; direction is input or output.",
    "model",
    "direction",
)
COST = counter(
    "waypost_cost_usd_total",
    "What calls of models cost, in US dollars, by the decision's tenant: as clients reported, and "
    "those that the server made by itself.",
    "tenant",
    "model",
)
LEFT_OUT = gauge(
    "waypost_model_left_out",
    "1 while contracts leave a model out, because a client's circuit breaker for it is open.",
    "model",
    across=Across.MAX,
)
SWITCHED_OFF = gauge(
    "waypost_switched_off",
    "1 while a route or a model is switched off; kind is route or model.",
    "kind",
    "name",
    across=Across.MAX,
)
MODELS_LEFT_OUT = counter(
    "waypost_models_left_out_total",
    "Models that contracts leave out by policy, by cause: tag, not_approved, window, budget, "
    "breaker, latency or switched_off.",
    "cause",
)
BUDGET = gauge(
    "waypost_budget_usd",
    "What a tenant may spend in a period of its budget, in US dollars; default stands for all "
    "tenants without a section.",
    "tenant",
    across=Across.MAX,
)
BUDGET_LEFT = gauge(
    "waypost_budget_left_usd",
    "What is left of it in this period, neither spent nor reserved, as the process knows that has "
    "heard of most.",
    "tenant",
    across=Across.MIN,
)
BUDGET_ALONE = gauge(
    "waypost_budget_alone",
    "Processes that count budgets by themselves, because the database cannot be reached.",
)

# Models that the server asks
CONSULTATIONS = counter(
    "waypost_consultations_total",
    "Times that the server asked a language model, or would have; purpose is route or params, "
    "result is answered, cached, or why there was no answer.",
    "purpose",
    "result",
)
CONSULTATION_SECONDS = histogram(
    "waypost_consultation_seconds",
    "How long queries waited for a language model that was asked, answer or not.",
    "purpose",
    buckets=_CONSULTATION_S,
)

# Calls and capacity
RPC_SECONDS = histogram(
    "waypost_rpc_seconds",
    "How long calls took in the server, by method and status code; a stream, to its end.",
    "method",
    "code",
    buckets=_CALL_S,
)
RPC_UNREAD = counter(
    "waypost_rpc_unread_total",
    "Calls that ended before their request was there, which waypost_rpc_seconds therefore lacks: "
    "taken back, cut off, or larger than WAYPOST_MAX_MESSAGE_BYTES.",
)
QUEUE_DEPTH = gauge("waypost_queue_depth", "Queries that wait for an encoder now.")
RUNNING = gauge("waypost_queries_running", "Queries that encoders have now.")
LIMIT = gauge("waypost_concurrency_limit", "Queries that may wait or run at a time now.")
REFUSED = counter(
    "waypost_refused_total",
    "Queries refused that are welcome again later, by cause: overload, or rate where a tenant or a "
    "token asked more than it may.",
    "cause",
)
DEGRADED = gauge(
    "waypost_degraded",
    "Processes that decide by their cheap stages alone, because they are overloaded.",
)
LOOP_LAG = histogram(
    "waypost_event_loop_lag_seconds",
    "How late the event loop ran what was due, twice a second.",
    buckets=_LAG_S,
)

# Records
LOG_RECORDS = counter(
    "waypost_decision_log_records_total",
    "Decisions and reports for the decision log; result is written or dropped.",
    "result",
)
LOG_WAITING = gauge("waypost_decision_log_waiting", "Records that wait to be written.")
LOG_SIZE = gauge(
    "waypost_decision_log_bytes",
    "What the decision log takes on disk: all of SQLite's files, of PostgreSQL the tables with "
    "their indexes; measured once a minute while it is written, 0 before.",
    across=Across.MAX,
)
DATABASE_LOST = gauge(
    "waypost_database_unreachable",
    "Processes that cannot reach the database of the switches, and decide by those that they knew "
    "last.",
)

# Bundles
BUNDLE = gauge(
    "waypost_bundle_info",
    "Processes that serve a bundle; one that nobody serves any more has no series.",
    "index_version",
    "encoder_fingerprint",
    goes=True,
)
BUNDLE_BUILT = gauge(
    "waypost_bundle_built_timestamp_seconds",
    "When the live bundle was built, since 1970; 0 for unknown.",
    across=Across.MIN,
)
BUNDLE_LIVE = gauge(
    "waypost_bundle_live_timestamp_seconds",
    "When the live bundle went live, since 1970.",
    across=Across.MAX,
)
ROUTES = gauge("waypost_routes", "Loaded routes.", across=Across.MAX)
EXEMPLARS = gauge("waypost_exemplars", "Loaded exemplars.", across=Across.MAX)
RELOADS = counter("waypost_reloads_total", "Bundles that went live while the server ran.")
REFUSED_BUNDLE = gauge(
    "waypost_bundle_refused",
    "1 while the newest bundle is not live, because it was refused.",
    across=Across.MAX,
)

# The process
SERVING = gauge("waypost_serving", "Processes that answer queries.")
STARTED = gauge(
    "waypost_start_timestamp_seconds",
    "When the oldest process began, since 1970.",
    across=Across.MIN,
)
VERSION = gauge(
    "waypost_version_info", "Processes of a version of Waypost.", "version", "contract_version"
)
CERTIFICATE = gauge(
    "waypost_certificate_expiry_timestamp_seconds",
    "When the server's certificate expires, since 1970; 0 for none.",
    across=Across.MIN,
)
RESIDENT = gauge("waypost_resident_bytes", "Resident memory; pages that are shared count twice.")
CPU = counter("waypost_cpu_seconds_total", "CPU time.")
COLLECTIONS = counter(
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
