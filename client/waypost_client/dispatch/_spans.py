"""Spans of answers and of calls of models, where the application uses OpenTelemetry.

Nothing here loads it, and no span holds a query, a prompt or an answer.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from waypost_client import Model

Value = str | int | float | bool

TRACER = "waypost_client.dispatch"


class Span:
    """A span, or nothing where there are none."""

    def __init__(self, trace: Any = None, span: Any = None) -> None:  # noqa: ANN401  (not loaded)
        self._trace = trace
        self._span = span

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Adds attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def failed(self, kind: str) -> None:
        """Says that it went wrong, and how in a word."""
        if self._span is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))


@contextmanager
def answer_span() -> Iterator[Span]:
    """A query's way to its answer."""
    with _span("answer a query", "INTERNAL", {}) as span:
        yield span


@contextmanager
def model_span(model: Model, route: str, role: str) -> Iterator[Span]:
    """One call of a model; its endpoint is told of the span."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.provider,
        "gen_ai.request.model": model.model_id,
        "waypost.model": model.name,
        "waypost.route": route,
        "waypost.role": role,
    }
    with _span(f"chat {model.name}", "CLIENT", attributes) as span:
        yield span


@contextmanager
def _span(name: str, kind: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield Span()
        return
    with trace.get_tracer(TRACER).start_as_current_span(
        name,
        kind=trace.SpanKind[kind],
        attributes=attributes,
        record_exception=False,  # its text may quote a prompt
        set_status_on_exception=False,
    ) as span:
        yield Span(trace, span)
