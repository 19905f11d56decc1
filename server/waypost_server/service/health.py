"""The standard health service: one status for all that the server offers.

grpcio-health-checking has an asyncio servicer too. It forgets every watcher of a service when one
of them leaves, and its watchers keep a draining server waiting until the drain's limit.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Tells whether queries are answered; not before `serve`, and not after `shut_down`."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = frozenset(services)
        self._status: int = NOT_SERVING
        self._let_go = False
        self._changed = asyncio.Event()

    def serve(self) -> None:
        """Turns readiness on."""
        self._set(SERVING)

    def shut_down(self) -> None:
        """Turns readiness off."""
        self._set(NOT_SERVING)

    def let_go(self) -> None:
        """Ends the watchers' calls; too early, and they would call again at once."""
        self._let_go = True
        self._set(NOT_SERVING)

    async def Check(  # noqa: N802  (gRPC names methods)
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> health_pb2.HealthCheckResponse:
        """Tells a service's status now."""
        status = self._status_of(request.service)
        if status == SERVICE_UNKNOWN:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"no service is called {request.service!r}"
            )
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        """Tells a service's status now and whenever it changes."""
        told = None
        while True:
            changed, status = self._changed, self._status_of(request.service)
            if status != told:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                told = status
            if self._let_go:
                return
            await changed.wait()

    def _status_of(self, service: str) -> int:
        return self._status if service in self._services else SERVICE_UNKNOWN

    def _set(self, status: int) -> None:
        self._status = status
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
