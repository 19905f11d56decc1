"""A collector of traces that speaks OTLP over gRPC, and keeps what it is sent."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Seen:
    """A span, ids in hex, times in nanoseconds since 1970; `parent` is empty for a root."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    is_error: bool
    attributes: dict[str, Any]
    text: str


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps spans in the order in which they come."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.url = ""

    def Export(  # noqa: N802  (gRPC names methods)
        self,
        request: Any,  # noqa: ANN401  (generated without types)
        context: object,
    ) -> Any:  # noqa: ANN401
        for group in request.resource_spans:
            service = _values(group.resource.attributes)["service.name"]
            for scope in group.scope_spans:
                self.spans += [_seen(service, span) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def until(self, name: str, count: int = 1) -> list[Seen]:
        """So many spans of a name, once they are there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := [span for span in self.spans if span.name == name]) < count:
            assert time.monotonic() < deadline, (name, [span.name for span in self.spans])
            time.sleep(0.05)
        return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """One on a free port."""
    with ThreadPoolExecutor(4) as pool:
        collector, server = Collector(), grpc.server(pool)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
            collector, server
        )
        collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield collector
        server.stop(None).wait()


def _seen(service: str, span: Any) -> Seen:  # noqa: ANN401
    return Seen(
        service=service,
        name=span.name,
        kind=span.kind,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        is_error=span.status.code == 2,
        attributes=_values(span.attributes),
        text=str(span),
    )


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
