"""The caller's trace, where OpenTelemetry is in use; nothing here loads it."""

import sys

Metadata = tuple[tuple[str, str], ...]

TRACEPARENT = "traceparent"


def traceparent() -> str:
    """The current span as W3C Trace Context writes it; empty where there is none."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def trace_metadata() -> Metadata | None:
    """The same as metadata of a gRPC call; None where there is none."""
    parent = traceparent()
    return ((TRACEPARENT, parent),) if parent else None
