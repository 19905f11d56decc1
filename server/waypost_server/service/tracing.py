"""Spans of calls and decisions, on OpenTelemetry's API; no span holds a query."""

import re
from collections.abc import Callable, Sequence
from random import random
from time import time_ns

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from waypost_server.core.consultation import Consultation
from waypost_server.service.call_watch import End
from waypost_server.service.events import Decided, Reported
from waypost_server.service.interceptor import Context

_PARENT = "traceparent"
_HEADERS = (_PARENT, "tracestate")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}.*")

FAULTS = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
)
"""Status codes that make a server's span an error, by OpenTelemetry's conventions for RPC."""

_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Implements CallWatcher and Observer."""

    def __init__(
        self, tracer: Tracer, *, sample: float, dice: Callable[[], float] = random
    ) -> None:
        """Spans go where `tracer` sends them.

        Args:
            tracer: is asked for the spans that are wanted, and for no others: it would take 30
                microseconds to say that it does not want one.
            sample: share in [0, 1] of the traces that begin here; a caller's decision is respected.
            dice: numbers in [0, 1).
        """
        self._tracer = tracer
        self._sample = sample
        self._dice = dice

    def began(self, method: str, context: Context) -> End:
        """Begins a call's span, in the caller's trace if it names one."""
        said = _said(context)
        if not self._wants(said.get(_PARENT, "")):
            return _nothing
        service, _, name = method.rpartition("/")
        span = self._tracer.start_span(
            method,
            _propagator.extract(said, TraceContext()),
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        token = otel_context.attach(trace.set_span_in_context(span))

        def ended(code: str) -> None:
            if span.is_recording():
                span.set_attribute("rpc.response.status_code", code)
                if code in FAULTS:
                    span.set_status(Status(StatusCode.ERROR))
            span.end()
            otel_context.detach(token)

        return ended

    def unread(self) -> None:
        """Has no span for a call whose trace nobody has read."""

    def decided(self, event: Decided) -> None:
        """Tells of a decision, as a part of the call that asked for it."""
        if not trace.get_current_span().is_recording():
            return
        routed = event.routed
        decision, timings = routed.decision, routed.timings
        ends = time_ns()
        began = ends - timings.total_ns
        best = decision.candidates[0] if decision.candidates else None
        span = self._tracer.start_span(
            "decide a query",
            attributes={
                "waypost.decision_id": routed.decision_id,
                "waypost.route": decision.route.name,
                "waypost.outcome": decision.outcome,
                "waypost.reasons": list(decision.reasons),
                "waypost.confidence": best.confidence if best else 0.0,
                "waypost.stage": routed.stage,
                "waypost.index_version": event.index_version,
                **_consulted(routed.consultations),
            },
            start_time=began,
        )
        steps = (
            ("queue", timings.queue_ns),
            ("encode", timings.encode_ns),
            ("search", timings.search_ns),
            ("decide", timings.decide_ns),
            ("consult", sum(each.took_ns for each in routed.consultations)),
        )
        self._add_steps(steps, began, trace.set_span_in_context(span))
        span.end(ends)

    def reported(self, event: Reported) -> None:
        """Notes which decision a report is about."""
        trace.get_current_span().set_attribute("waypost.decision_id", event.report.decision_id)

    def _wants(self, traceparent: str) -> bool:
        """Whether a call is traced; one that names its trace badly is like one that names none."""
        if _TRACEPARENT.fullmatch(traceparent):
            return bool(int(traceparent[53:55], 16) & 1)
        return self._dice() < self._sample

    def _add_steps(
        self, steps: Sequence[tuple[str, int]], began: int, parent: TraceContext
    ) -> None:
        """One after the other; a step that took no time was not taken."""
        for name, took in steps:
            if took:
                self._tracer.start_span(name, parent, start_time=began).end(began + took)
                began += took


def _consulted(consultations: Sequence[Consultation]) -> dict[str, list[str]]:
    """What came of asking language models, if anybody asked."""
    said = [f"{each.model}: {each.purpose} {each.result}" for each in consultations]
    return {"waypost.consultations": said} if said else {}


def _said(context: Context) -> dict[str, str]:
    """What the caller says of its trace."""
    return {
        key: value
        for key, value in context.invocation_metadata() or ()
        if key in _HEADERS and isinstance(value, str)
    }


def _nothing(code: str) -> None:
    """What the end of a call is told that is not traced."""
