"""Which calls are traced."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.unit.service.test_metrics import decided
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.service.tracing import Tracing

IDS = f"{'a' * 32}-{'b' * 16}"
METHOD = "waypost.v1.RouterService/RouteQuery"


class Call:
    """The context of a call with one header."""

    def __init__(self, *metadata: tuple[str, str | bytes]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._metadata


def traced(call: Any, *, sample: float, dice: float, code: str = "OK") -> list[ReadableSpan]:  # noqa: ANN401
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(provider.get_tracer("test"), sample=sample, dice=lambda: dice)
    end = tracing.began(METHOD, call)
    end(code)
    assert not trace.get_current_span().get_span_context().is_valid  # it leaves no trace behind
    return list(kept.get_finished_spans())


@pytest.mark.parametrize(
    ("sample", "dice", "count"), [(0.0, 0.0, 0), (1.0, 0.999, 1), (0.1, 0.09, 1), (0.1, 0.1, 0)]
)
def test_a_share_of_the_traces_begins_here(sample: float, dice: float, count: int) -> None:
    assert len(traced(Call(), sample=sample, dice=dice)) == count


@pytest.mark.parametrize(
    ("header", "is_traced"),
    [
        (f"00-{IDS}-01", True),
        (f"00-{IDS}-03", True),
        (f"00-{IDS}-00", False),
        (f"00-{IDS}-02", False),
    ],
)
def test_a_caller_in_a_trace_decides(header: str, is_traced: bool) -> None:
    for sample in (0.0, 1.0):
        spans = traced(Call(("traceparent", header)), sample=sample, dice=0.5)
        assert bool(spans) is is_traced
        if spans and spans[0].parent:
            assert f"{spans[0].parent.trace_id:032x}-{spans[0].parent.span_id:016x}" == IDS


@pytest.mark.parametrize(
    "header",
    ["", "00", f"00-{'0' * 32}-{'b' * 16}-01", f"00-{IDS}-zz", f"00-{IDS.upper()}-01", "é"],
)
def test_who_names_a_trace_badly_names_none(header: str) -> None:
    assert traced(Call(("traceparent", header)), sample=0.0, dice=0.5) == []
    (span,) = traced(Call(("traceparent", header)), sample=1.0, dice=0.5)
    assert span.parent is None


@pytest.mark.parametrize(
    ("code", "is_error"),
    [("OK", False), ("INVALID_ARGUMENT", False), ("CANCELLED", False), ("INTERNAL", True)],
)
def test_only_a_fault_of_the_servers_is_an_error(code: str, is_error: bool) -> None:
    (span,) = traced(Call(), sample=1.0, dice=0.0, code=code)
    assert (span.status.status_code is trace.StatusCode.ERROR) is is_error
    assert span.attributes is not None
    assert span.attributes["rpc.response.status_code"] == code


def test_a_model_that_was_asked_is_a_step_of_the_decision() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(provider.get_tracer("test"), sample=1.0, dice=lambda: 0.0)
    event = decided()
    asked = Consultation(
        purpose=Purpose.ROUTE, model="small", result=Result.TIMEOUT, took_ns=5_000_000
    )
    timings = replace(event.routed.timings, total_ns=event.routed.timings.total_ns + 5_000_000)
    routed = replace(event.routed, consultations=(asked,), timings=timings)
    call: Any = Call()
    end = tracing.began(METHOD, call)
    tracing.decided(replace(event, routed=routed))
    end("OK")
    spans = {span.name: span for span in kept.get_finished_spans()}
    consult, whole = spans["consult"], spans["decide a query"]
    assert consult.start_time == spans["decide"].end_time
    assert consult.end_time == whole.end_time
    assert consult.end_time is not None
    assert consult.start_time is not None
    assert consult.end_time - consult.start_time == 5_000_000
    assert whole.attributes is not None
    assert whole.attributes["waypost.consultations"] == ("small: route timeout",)
    assert not [span for span in spans.values() if "a secret" in span.to_json()]
