"""Sends spans by OTLP, with OpenTelemetry's SDK."""

from collections.abc import Callable

from opentelemetry.trace import Tracer

from waypost_server.core.errors import SettingsError

SERVICE = "waypost"


def open_tracer(
    endpoint: str, *, server_version: str, instance: str
) -> tuple[Tracer, Callable[[], None]]:
    """A tracer that records whatever it is asked for, and what sends the last spans and ends it.

    The SDK's own variables count too: OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES.

    Args:
        endpoint: `http://HOST:PORT`, or `https://HOST:PORT` for TLS.
        server_version: Waypost's.
        instance: tells this process from others.

    Raises:
        SettingsError: the SDK is not installed, or the endpoint is no URL.
    """
    if not endpoint.startswith(("http://", "https://")):
        raise SettingsError(
            f"WAYPOST_OTLP_ENDPOINT is {endpoint!r}: write http://HOST:PORT, or https:// for TLS"
        )
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"WAYPOST_OTLP_ENDPOINT is set, and traces need {error.name}; run: "
            "pip install 'waypost[telemetry]'"
        ) from None
    resource = Resource.create(
        {
            "service.name": SERVICE,
            "service.version": server_version,
            "service.instance.id": instance,
        }
    )
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint, insecure=endpoint.startswith("http://"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer(SERVICE, server_version), provider.shutdown
