"""The gRPC server: what listens, and how it begins and ends."""

import asyncio
import time
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_reflection.v1alpha import reflection

from waypost.v1 import admin_pb2, admin_pb2_grpc, router_pb2, router_pb2_grpc
from waypost_server.core.outcomes import Outcomes
from waypost_server.core.tokens import Role
from waypost_server.service.address import ADMIN, MAIN, cannot_listen
from waypost_server.service.admin_servicer import AdminServicer
from waypost_server.service.doors import Doors
from waypost_server.service.events import Observers
from waypost_server.service.health import HealthServicer
from waypost_server.service.index_admin import IndexAdmin
from waypost_server.service.interceptor import StatusInterceptor
from waypost_server.service.journal import Journal
from waypost_server.service.router_servicer import RouterServicer
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live
from waypost_server.service.workers import Workers

ROUTER_SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterService"].full_name
ADMIN_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name

PENDING = 64
"""Calls of a method that gRPC holds until the server takes them. Beyond, it cancels some, and all
beyond twice as many, without a word but CANCELLED, for a quarter of the processor time of a refusal
(60 against 230 microseconds on all threads): what is beyond refusing. Each that is held costs those
behind it its own time, and nobody here can see how long they wait."""

NEVER_MS = 2**31 - 1
"""What gRPC takes for no limit."""

FAREWELL_SECONDS = 0.25
"""From the last word on health to the stop: gRPC cancels calls that reach it while it stops, and
clients that watch health have left by then."""


def _age_ms(seconds: float) -> int:
    return round(seconds * 1e3) or NEVER_MS


class Server:
    """A server: callers on one address, operators on another."""

    def __init__(
        self,
        live: Live,
        workers: Workers,
        outcomes: Outcomes,
        shared: Shared,
        *,
        observers: Observers,
        address: str,
        admin_address: str,
        max_message_bytes: int,
        server_version: str,
        journal: Journal | None = None,
        shares_port: bool = False,
        index_admin: IndexAdmin | None = None,
        doors: Doors | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        connection_age_seconds: float = 0.0,
        pending_calls: int = PENDING,
    ) -> None:
        """Binds both addresses, if wanted together with other processes that share them.

        `doors` say who gets in; everybody does if they are None.

        `interceptors` see a call before the others do.

        Raises:
            SettingsError: an address cannot be listened on.
        """
        self._workers = workers
        self._health = HealthServicer(("", ROUTER_SERVICE))
        self._admin_health = HealthServicer(("", ADMIN_SERVICE))
        self._admin = AdminServicer(
            live,
            workers,
            outcomes,
            shared,
            server_version=server_version,
            index_admin=index_admin,
            journal=journal,
        )
        doors = doors or Doors()
        router = RouterServicer(
            live, workers, outcomes, shared, observers, doors.tenancy, keeps_log=journal is not None
        )
        options = [
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.server.max_pending_requests", pending_calls),
            ("grpc.server.max_pending_requests_hard_limit", 2 * pending_calls),
            # Calls under way end as they would: the grace is as long as they take.
            ("grpc.max_connection_age_ms", _age_ms(connection_age_seconds)),
            # On by default: a second server would silently share the port.
            ("grpc.so_reuseport", int(shares_port)),
            *doors.options,
        ]
        self._server = grpc.aio.server(
            interceptors=[*interceptors, *doors.interceptors(Role.CALLER), StatusInterceptor()],
            options=options,
        )
        self._admin_server = grpc.aio.server(
            interceptors=[*interceptors, *doors.interceptors(Role.ADMIN), StatusInterceptor()],
            options=options,
        )
        _add_standards(self._server, self._health, ROUTER_SERVICE)
        _add_standards(self._admin_server, self._admin_health, ADMIN_SERVICE)
        router_pb2_grpc.add_RouterServiceServicer_to_server(router, self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self._admin, self._admin_server)
        self.address = _bound(self._server, doors, address, MAIN)
        self.admin_address = _bound(self._admin_server, doors, admin_address, ADMIN)

    async def start(self) -> None:
        """Begins to answer."""
        await self._admin_server.start()
        await self._server.start()
        self._admin.state = admin_pb2.SERVER_STATE_SERVING
        self._admin_health.serve()
        self._health.serve()

    async def stop(self, drain_seconds: float, *, at_once: asyncio.Event | None = None) -> None:
        """Turns readiness off, refuses new calls, lets those in flight finish for a while.

        Operators are answered until the last caller is.

        Args:
            drain_seconds: for how long.
            at_once: once set, they are cancelled.
        """
        ends = time.monotonic() + drain_seconds
        self._admin.state = admin_pb2.SERVER_STATE_DRAINING
        self._health.shut_down()
        self._workers.drain()
        hurry = asyncio.create_task((at_once or asyncio.Event()).wait())
        await asyncio.wait((hurry,), timeout=min(FAREWELL_SECONDS, drain_seconds))
        self._health.let_go()
        stopping = asyncio.create_task(self._server.stop(drain_seconds))
        await asyncio.wait((hurry, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await self._server.stop(None)
        hurry.cancel()
        await stopping
        self._admin_health.let_go()
        await self._admin_server.stop(max(0.0, ends - time.monotonic()))
        self._workers.close()


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
