"""The gRPC server: what listens, and how it begins and ends."""

import asyncio
import time
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_reflection.v1alpha import reflection

from waypost.v1 import admin_pb2, admin_pb2_grpc, router_pb2, router_pb2_grpc
from waypost_server.core.tokens import Role
from waypost_server.service.address import ADMIN, MAIN, cannot_listen
from waypost_server.service.admin_servicer import AdminServicer
from waypost_server.service.doors import Doors
from waypost_server.service.endpoints import Endpoints
from waypost_server.service.health import HealthServicer
from waypost_server.service.interceptor import StatusInterceptor
from waypost_server.service.parts import Parts
from waypost_server.service.router_servicer import RouterServicer

ROUTER_SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterService"].full_name
ADMIN_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name

FAREWELL_SECONDS = 0.25
"""From the last word on health to the stop: gRPC cancels calls that reach it while it stops, and
clients that watch health have left by then."""


class Server:
    """A server: callers on one address, operators on another."""

    def __init__(
        self,
        parts: Parts,
        endpoints: Endpoints,
        doors: Doors,
        *,
        server_version: str,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        """Binds both addresses.

        Args:
            parts: what it answers with.
            endpoints: where it listens.
            doors: who gets in.
            server_version: Waypost's.
            interceptors: see a call before all others do.

        Raises:
            SettingsError: an address cannot be listened on.
        """
        self._workers = parts.workers
        self._health = HealthServicer(("", ROUTER_SERVICE))
        self._admin_health = HealthServicer(("", ADMIN_SERVICE))
        self._admin = AdminServicer(parts, server_version=server_version)
        router = RouterServicer(parts, doors.tenancy)

        def server_for(role: Role) -> grpc.aio.Server:
            return grpc.aio.server(
                interceptors=[*interceptors, *doors.interceptors(role), StatusInterceptor()],
                options=[*endpoints.options, *doors.options],
            )

        self._server, self._admin_server = server_for(Role.CALLER), server_for(Role.ADMIN)
        _add_standards(self._server, self._health, ROUTER_SERVICE)
        _add_standards(self._admin_server, self._admin_health, ADMIN_SERVICE)
        router_pb2_grpc.add_RouterServiceServicer_to_server(router, self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self._admin, self._admin_server)
        self.address = _bound(self._server, doors, endpoints.address, MAIN)
        self.admin_address = _bound(self._admin_server, doors, endpoints.admin_address, ADMIN)

    async def start(self) -> None:
        """Begins to answer."""
        await self._admin_server.start()
        await self._server.start()
        self._admin.state = admin_pb2.SERVER_STATE_SERVING
        self._admin_health.serve()
        self._health.serve()

    async def stop(
        self,
        drain_seconds: float,
        *,
        notice_seconds: float = FAREWELL_SECONDS,
        at_once: asyncio.Event | None = None,
    ) -> None:
        """Turns readiness off, soon refuses new calls, lets those in flight finish for a while.

        Operators are answered until the last caller is.

        Args:
            drain_seconds: for how long, the notice included.
            notice_seconds: how long new calls are still taken, so that nobody who asks for health
                in between sends one that is refused.
            at_once: once set, all of them are cancelled.
        """
        ends = time.monotonic() + drain_seconds
        hurry = asyncio.create_task((at_once or asyncio.Event()).wait())
        notice = min(notice_seconds, drain_seconds)
        self._admin.state = admin_pb2.SERVER_STATE_DRAINING
        self._health.shut_down()
        await asyncio.wait((hurry,), timeout=max(0.0, notice - FAREWELL_SECONDS))
        self._workers.drain()
        await asyncio.wait((hurry,), timeout=min(FAREWELL_SECONDS, notice))
        self._health.let_go()
        stopping = asyncio.create_task(self._server.stop(max(0.0, ends - time.monotonic())))
        await asyncio.wait((hurry, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await self._server.stop(None)
        hurry.cancel()
        await stopping
        self._admin_health.let_go()
        await self._admin_server.stop(max(0.0, ends - time.monotonic()))
        await asyncio.to_thread(self._workers.close)


def _add_standards(server: grpc.aio.Server, health: HealthServicer, service: str) -> None:
    """Lets a server tell how it is and, beside these standards, what it has."""
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection((service, HEALTH_SERVICE, reflection.SERVICE_NAME), server)


def _bound(server: grpc.aio.Server, doors: Doors, address: str, said_by: str) -> str:
    """Listens there; the address with its port."""
    try:
        port = doors.listen(server, address)
    except RuntimeError:
        raise cannot_listen(address, said_by) from None
    return f"{address.rpartition(':')[0]}:{port}"
