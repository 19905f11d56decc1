"""A program that traces what it does and asks a dispatcher: `python -m ... ROUTER COLLECTOR QUERY`.

A process of its own, because OpenTelemetry takes one tracer provider in a process's life.
"""

import asyncio
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from waypost_client.dispatch import Dispatcher


async def main(router: str, collector: str, query: str, streamed: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "caller"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector, insecure=True)))
    trace.set_tracer_provider(provider)
    async with Dispatcher(router) as dispatcher:
        with trace.get_tracer("caller").start_as_current_span("caller"):
            if streamed == "stream":
                async with dispatcher.stream(query) as pieces:
                    sys.stdout.write("".join([piece async for piece in pieces]))
            else:
                sys.stdout.write((await dispatcher.answer(query)).text)
    provider.shutdown()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
